import { z } from 'zod';
import { childResults, ConfigurationError, returnValue } from '../../src';
import { declaredFields, markedFields } from '../../src/messages/marks';
import { moveResults, readSchema } from '../../src/tasks/parsing';

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
  ])('looks into an object schema that is %s', (_, schema) => {
    expect(fieldsOf(schema)).toEqual(['rows']);
  });
});

test('the two marks are told apart', () => {
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

test('declaredFields names the fields of an object schema, and is undefined for others', () => {
  expect(declaredFields(z.object({ a: list, b: list }).transform(String))).toEqual(new Set(['a', 'b']));
  expect(declaredFields(z.union([z.object({ a: list }), z.object({ b: list })]))).toBeUndefined();
  expect(declaredFields(list)).toBeUndefined();
});
