import { z } from 'zod';
import { childResults, ConfigurationError, returnValue } from '../../src';
import { declaredFields, markedFields } from '../../src/messages/marks';
import { moveResults, readSchema, validatorFor } from '../../src/worker/parsing';

const list = z.array(z.number());
const marks = { returnValue, childResults };

describe.each(['returnValue', 'childResults'] as const)('markedFields of %s', (name) => {
  const mark = marks[name] as typeof childResults;
  const fieldsOf = (schema: z.ZodType) => markedFields(schema, name);

  test.each<[string, z.ZodType]>([
    ['bare', mark(list)],
    ['optional', mark(list).optional()],
    ['nullable', mark(list).nullable()],
    ['nullish', mark(list).nullish()],
    ['default', mark(list).default([])],
    ['prefault', mark(list).prefault([])],
    ['catch', mark(list).catch([])],
    ['readonly', mark(list).readonly()],
    ['nonoptional', mark(list.optional()).nonoptional()],
    ['pipe', mark(list).pipe(z.any())],
    ['pipe into it', z.any().pipe(mark(list))],
    ['transform', mark(list).transform(String)],
    ['preprocess', z.preprocess((value) => value, mark(list))],
    ['describe', mark(list).describe('x')],
    ['meta', mark(list).meta({ title: 'x' })],
    ['min after it', mark(list).min(1)],
    ['refine after it', mark(list).refine(() => true)],
    ['brand', mark(list).brand('x')],
    ['lazy', z.lazy(() => mark(list))],
    ['union', z.union([z.string(), mark(list)])],
    ['intersection', mark(z.object({ a: z.string() })).and(z.object({ b: z.string() }))],
    ['many layers', mark(list.min(1)).optional().nullable().default(null).readonly()],
  ])('finds a mark through %s', (_, schema) => {
    expect(fieldsOf(z.object({ other: z.string(), rows: schema }))).toEqual(['rows']);
  });

  test('finds none where there is none, nor one that is deeper in a field', () => {
    expect(fieldsOf(z.object({ a: list }))).toEqual([]);
    expect(fieldsOf(z.object({ a: z.object({ b: mark(list) }) }))).toEqual([]);
    expect(fieldsOf(z.object({ a: z.array(mark(list)) }))).toEqual([]);
    expect(fieldsOf(z.record(z.string(), mark(list)))).toEqual([]);
  });

  test('finds all of them', () => {
    expect(fieldsOf(z.object({ a: mark(list), b: list, c: mark(list).optional() }))).toEqual(['a', 'c']);
  });

  test.each<[string, z.ZodType]>([
    ['strict', z.strictObject({ rows: mark(list) })],
    ['loose', z.looseObject({ rows: mark(list) })],
    ['transformed', z.object({ rows: mark(list) }).transform(String)],
    ['refined', z.object({ rows: mark(list) }).refine(() => true)],
    ['extended', z.object({ a: z.string() }).extend({ rows: mark(list) })],
    ['preprocessed', z.preprocess((value) => value, z.object({ rows: mark(list) }))],
    ['partial', z.object({ rows: mark(list) }).partial()],
    ['the left of an intersection', z.object({ rows: mark(list) }).and(z.object({ a: z.string() }))],
    ['the right of an intersection', z.object({ a: z.string() }).and(z.object({ rows: mark(list) }))],
    ['marked on both sides', z.object({ rows: mark(list) }).and(z.object({ rows: mark(list) }))],
    ['an option of a union', z.union([z.object({ a: z.string() }), z.object({ rows: mark(list) })])],
    [
      'an option of a discriminated union',
      z.discriminatedUnion('kind', [
        z.object({ kind: z.literal('a'), rows: mark(list) }),
        z.object({ kind: z.literal('b') }),
      ]),
    ],
    ['lazy', z.lazy(() => z.object({ rows: mark(list) }))],
    ['all of these', z.lazy(() => z.union([z.object({ rows: mark(list) }), z.object({})])).and(z.object({ a: list }))],
  ])('looks into an object schema that is %s', (_, schema) => {
    expect(fieldsOf(schema)).toEqual(['rows']);
  });
});

test('the two marks are distinguished', () => {
  const schema = z.object({ a: returnValue(list), b: childResults(list), c: list });
  expect([markedFields(schema), markedFields(schema, 'childResults')]).toEqual([['a'], ['b']]);
});

test.each(['returnValue', 'childResults'] as const)(
  'a task with two fields that are marked by %s is refused, naming it and them',
  (name) => {
    const mark = marks[name] as typeof childResults;
    const schema = z.object({ first: mark(list), between: list, second: mark(list).optional() });
    const read = () => readSchema('sum-up', schema);
    expect(read).toThrow(ConfigurationError);
    expect(read).toThrow(/sum-up.* marked with (returnValue|childResults)\(\), got 2 \(first, second\)/);
    expect(read).toThrow(name);
  },
);

describe('a mark that is on no field of the message is refused when a task is declared', () => {
  const rows = z.object({ rows: returnValue(list) });
  const tree: z.ZodType = z.object({ children: z.array(z.lazy(() => tree)), rows: z.array(returnValue(list)) });
  test.each<[string, z.ZodType, string]>([
    ['the message', returnValue(z.object({ a: list })), '(message)'],
    ['a field of a field', z.object({ a: rows }), 'a.rows'],
    ['an item of a list', z.object({ a: z.array(returnValue(list)) }), 'a'],
    ['a value of a record', z.object({ a: z.record(z.string(), rows) }), 'a.rows'],
    ['an item of a tuple', z.object({ a: z.tuple([z.string(), returnValue(list)]) }), 'a'],
    ['a value of the message as a record', z.record(z.string(), returnValue(list)), '(message)'],
    ['other fields', z.object({ b: z.string() }).catchall(returnValue(list)), '(message)'],
    [
      'what comes out of a pipe',
      z
        .object({ a: list })
        .transform((all) => all)
        .pipe(rows as unknown as z.ZodType<unknown, { a: number[] }>),
      'rows',
    ],
    ['a schema in itself', tree, 'children.rows'],
  ])('%s', (_, schema, where) => {
    const read = () => readSchema('sum-up', schema);
    expect(read).toThrow(ConfigurationError);
    expect(read).toThrow(`input of sum-up: expected returnValue() on a top-level field, got it on ${where}. `);
  });
});

describe('a lazy part that is defined after the task', () => {
  test('is read when it is needed, and its mark is seen', () => {
    // As a module does that names what is further down in it.
    const module: { later?: z.ZodType } = {};
    const lazy = z.lazy(() => module.later ?? raise());
    const schema = z.object({ rows: lazy });
    const read = readSchema('early', schema);
    expect(validatorFor(schema)).toBeUndefined();
    module.later = returnValue(list);
    expect(read.resultField).toBe('rows');
    expect(schema.parse({ rows: [1] })).toEqual({ rows: [1] });
  });

  test('is refused when it is needed and has a mark in a wrong place', () => {
    const module: { later?: z.ZodType } = {};
    const read = readSchema('early', z.object({ deep: z.object({ rows: z.lazy(() => module.later ?? raise()) }) }));
    module.later = returnValue(list);
    expect(() => read.resultField).toThrow(ConfigurationError);
  });

  test('without an end does not keep a declaration from ending', () => {
    const endless = (): z.ZodType => z.lazy(() => z.array(endless()));
    expect(readSchema('endless', z.object({ a: endless() })).resultField).toBe('returnValue');
  });
});

function raise(): never {
  throw new ReferenceError("Cannot access 'later' before initialization");
}

test('one field of each mark is where their values go', () => {
  const schema = readSchema('t', z.object({ sum: returnValue(z.number()), parts: childResults(list).default([]) }));
  expect(moveResults({ returnValue: 3, childResults: [1, 2], other: 'x' }, schema)).toEqual({
    sum: 3,
    parts: [1, 2],
    other: 'x',
  });
  const unmarked = readSchema('t', z.object({ returnValue: z.number() }));
  expect(moveResults({ returnValue: 3, childResults: [1] }, unmarked)).toEqual({ returnValue: 3, childResults: [1] });
});

test.each([
  ['returnValue', returnValue(list.min(1))],
  ['childResults', childResults(list.min(1))],
] as const)('the mark of %s leaves the schema that it was given unmarked, and parses like it', (name, marked) => {
  expect(markedFields(z.object({ list, marked }), name)).toEqual(['marked']);
  expect(marked.parse([1])).toEqual([1]);
  expect(() => marked.parse([])).toThrow();
});

test('declaredFields names the fields of objects and of what is made of them, and is undefined for others', () => {
  expect(declaredFields(z.object({ a: list, b: list }).transform(String))).toEqual(new Set(['a', 'b']));
  const [a, b] = [z.object({ a: list }), z.object({ b: list })];
  for (const all of [z.union([a, b]), a.and(b), z.lazy(() => a.and(b))])
    expect(declaredFields(all)).toEqual(new Set(['a', 'b']));
  const others = z.record(z.string(), list);
  for (const some of [list, z.union([a, others]), a.and(others)]) expect(declaredFields(some)).toBeUndefined();
});
