import { z } from 'zod';
import { returnValue } from '../../src';
import { parseInput, readSchema } from '../../src/worker/parsing';

/** Gives the value of the result field that a body receives, in a run that mageflow published. */
async function received(field: z.ZodType, result: unknown, published = true): Promise<unknown> {
  const schema = readSchema('t', z.object({ rows: returnValue(field) }));
  return parseInput({ task: 't', schema, published }, { rows: result }, undefined);
}

const list = z.array(z.string().optional());
const row = z.object({ a: z.string().optional(), b: z.string().nullable() });

describe('a null that stands for nothing is nothing where the field of the result takes that and no null', () => {
  test.each<[string, z.ZodType, unknown, unknown]>([
    ['optional', z.string().optional(), null, { rows: undefined }],
    ['a default', z.string().default('none'), null, { rows: 'none' }],
    ['undefined', z.undefined(), null, { rows: undefined }],
    ['exactly optional', z.exactOptional(z.string()), null, {}],
    ['a union with undefined', z.union([z.string(), z.undefined()]), null, { rows: undefined }],
    ['a list of optional items', list, ['a', null, 'b'], { rows: ['a', undefined, 'b'] }],
    ['a list behind a pipe', z.array(z.any()).pipe(list), [null, 'a'], { rows: [undefined, 'a'] }],
    ['a lazy one', z.lazy(() => z.string().optional()), null, { rows: undefined }],
    ['a field of it', row, { a: null, b: null }, { rows: { a: undefined, b: null } }],
    ['fields of items', z.array(row), [{ a: null, b: 'x' }], { rows: [{ a: undefined, b: 'x' }] }],
    ['fields of an option', z.union([z.number(), row]), { a: null, b: null }, { rows: { a: undefined, b: null } }],
    ['a record', z.record(z.string(), z.string().optional()), { x: null }, { rows: { x: undefined } }],
    [
      'what is checked later',
      z
        .string()
        .optional()
        .refine((text) => text !== 'x'),
      null,
      { rows: undefined },
    ],
  ])('%s', async (_, field, result, expected) => {
    const parsed = await received(field, result);
    expect(parsed).toStrictEqual(expected);
  });
});

test('a field that takes null gets null', async () => {
  for (const field of [z.string().nullable(), z.string().nullish(), z.unknown(), z.null(), z.any()])
    await expect(received(field, null)).resolves.toStrictEqual({ rows: null });
});

test('a field that takes neither refuses null, with the words of its schema', async () => {
  await expect(received(z.string(), null)).rejects.toThrow('rows: Invalid input: expected string, received null');
  await expect(received(z.array(z.string()), ['a', null])).rejects.toThrow('rows.1: Invalid input: expected string');
});

test('null that a user sends in a plain run stays null', async () => {
  await expect(received(z.string().optional(), null, false)).rejects.toThrow('received null');
});

test('null in another field than that of the result stays null', async () => {
  const schema = readSchema('t', z.object({ rows: returnValue(z.unknown()), other: z.string().optional() }));
  const input = { rows: null, other: null };
  await expect(parseInput({ task: 't', schema, published: true }, input, undefined)).rejects.toThrow(
    'other: Invalid input',
  );
});
