import { z } from 'zod';
import { misfits, missingFields, neverFits, refusesLists } from '../../src/messages/fit';
import { returnValue } from '../../src/messages/marks';

const size = z.object({ width: z.number(), height: z.number().optional() });
const schema = z.object({
  path: z.string(),
  size: size.optional(),
  kind: z.enum(['a', 'b']).default('a'),
  at: z.coerce.date().optional(),
  target: z.union([z.object({ bucket: z.string() }), z.object({ folder: z.string(), deep: z.boolean() })]).optional(),
  rows: returnValue(z.array(z.object({ n: z.number() }))),
});

describe('a part of a message', () => {
  test.each<[what: string, part: Record<string, unknown>]>([
    ['nothing', {}],
    ['one field of several that are required', { path: 'x' }],
    ['a part of an object, the rest of which may come', { size: { height: 1 } }],
    ['a text that is read as a date', { at: '2026-01-01' }],
    ['a part of one of several forms', { target: { deep: true } }],
    ['a marked field', { rows: [{ n: 1 }] }],
    ['a row with more columns than the task takes', { path: 'x', customer: 'y', day: '2026-01-01' }],
  ])('fits when it is %s', (_, part) => {
    expect(misfits(schema, part)).toEqual([]);
  });

  test.each<[what: string, part: Record<string, unknown>, says: string]>([
    ['has a field that the schema does not have', { pth: 'x' }, 'pth: there is no such field, only path, size, kind'],
    ['has a misspelt field beside right ones', { kind: 'a', Path_: 'x' }, 'Path_: there is no such field'],
    ['has one deeper', { size: { widht: 1 } }, 'size.widht: there is no such field, only width, height'],
    ['has a wrong type', { path: 5 }, 'path: Invalid input: expected string, received number'],
    ['has a wrong type deeper', { size: { width: 'x' } }, 'size.width: Invalid input: expected number'],
    ['has null for a text', { path: null }, 'path: Invalid input: expected string, received null'],
    ['has none of the allowed texts', { kind: 'c' }, 'kind: Invalid option'],
    ['has a wrong element', { rows: [{ n: 1 }, { n: 'x' }] }, 'rows.1.n: Invalid input'],
    ['lacks a field of an element, which nobody completes', { rows: [{ n: '1' }] }, 'rows.0.n: Invalid input'],
    ['fits none of several forms', { target: { bucket: 5, folder: 5 } }, 'target: Invalid input'],
    ['has no date', { at: 'soon' }, 'at: Invalid input'],
  ])('does not fit when it %s', (_, part, says) => {
    const [first, ...others] = misfits(schema, part);
    expect(first).toContain(says);
    expect(others).toEqual([]);
  });

  test('fits whatever cannot be checked: a schema that is asynchronous, or whose own code throws', () => {
    const waits = z.object({ a: z.string().refine(async () => Promise.resolve(false)) });
    expect(misfits(waits, { a: 'x' })).toEqual([]);
    const throws = z.object({
      a: z.string().transform(() => {
        throw new Error('no');
      }),
    });
    expect(misfits(throws, { a: 'x' })).toEqual([]);
  });

  test('is not judged by what its whole has to be', () => {
    const ordered = z.object({ from: z.number(), to: z.number() }).refine(({ from, to }) => from < to);
    expect(misfits(ordered, { from: 5, to: 3 })).toEqual([]);
  });

  test.each<[what: string, schema: z.ZodType, fits: boolean]>([
    ['a loose object', z.looseObject({ a: z.string() }), true],
    ['an object with a catchall', z.object({ a: z.string() }).catchall(z.number()), true],
    ['a strict object', z.strictObject({ a: z.string() }), false],
    ['an object that is read only', z.object({ a: z.string() }).readonly(), false],
    ['a record', z.record(z.string(), z.number()), true],
    ['two objects in one', z.object({ a: z.string() }).and(z.object({ b: z.number() })), true],
    ['what is made into an object', z.preprocess((value) => value, z.object({ a: z.string() })), true],
  ])('with another field: %s', (_, given, fits) => {
    expect(misfits(given, { b: 1 }).length === 0).toBe(fits);
  });
});

test('the fields that a message lacks are those that it must have and nobody brings', () => {
  expect(missingFields(schema, {}, ['rows'])).toEqual(['path']);
  expect(missingFields(schema, { path: 'x' }, [])).toEqual(['rows']);
  expect(missingFields(schema, { path: 'x', size: {} }, ['rows'])).toEqual(['size.width']);
  // As zod sees it.
  const optional = z.object({ any: z.any().optional(), n: z.number().nullish(), kind: z.string().default('a') });
  expect(missingFields(optional, {}, [])).toEqual([]);
});

test.each<[field: z.ZodType, refuses: boolean]>([
  [z.array(z.string()), false],
  [z.array(z.string()).optional(), false],
  [z.tuple([z.string()]), false],
  [z.union([z.string(), z.array(z.string())]), false],
  [z.any(), false],
  [z.unknown(), false],
  [z.coerce.string(), false],
  [z.preprocess((value) => value, z.string()), false],
  [z.lazy(() => z.string()), false],
  [z.string(), true],
  [z.object({ a: z.string() }).nullable(), true],
  [z.number().default(1), true],
  [z.record(z.string(), z.string()), true],
])('whether a field refuses lists is returned where it is known (%#)', (field, refuses) => {
  expect(refusesLists(z.object({ field }), 'field')).toBe(refuses);
});

test.each<[what: string, schema: z.ZodType, found: string | undefined]>([
  ['a date', z.object({ at: z.date() }), 'at is a date'],
  ['a date or null', z.object({ at: z.date().nullable() }), 'at is a date'],
  ['a date deeper', z.object({ span: z.object({ from: z.date() }) }), 'span.from is a date'],
  ['a date that is made something else', z.object({ at: z.date().transform((at) => at.getTime()) }), 'at is a date'],
  ['a big number', z.object({ n: z.bigint() }), 'n is a bigint'],
  ['a map', z.object({ of: z.map(z.string(), z.number()) }), 'of is a map'],
  ['a date from a text', z.object({ at: z.coerce.date() }), undefined],
  ['a date that may be missing', z.object({ at: z.date().optional() }), undefined],
  ['a date that has a default', z.object({ at: z.date().default(() => new Date()) }), undefined],
  ['one of a date and a text', z.object({ at: z.union([z.date(), z.string()]) }), undefined],
  ['a date made of a text', z.object({ at: z.string().pipe(z.coerce.date()) }), undefined],
])('whether a message can fit a schema that asks for %s', (_, asked, found) => {
  expect(neverFits(asked)).toBe(found);
});
