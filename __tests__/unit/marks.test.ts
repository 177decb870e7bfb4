import { z } from 'zod';
import { returnValue } from '../../src';
import { declaredFields, markedFields } from '../../src/messages/marks';

const list = z.array(z.number());

describe('markedFields', () => {
  test.each<[string, z.ZodType]>([
    ['bare', returnValue(list)],
    ['optional', returnValue(list).optional()],
    ['nullable', returnValue(list).nullable()],
    ['nullish', returnValue(list).nullish()],
    ['default', returnValue(list).default([])],
    ['prefault', returnValue(list).prefault([])],
    ['catch', returnValue(list).catch([])],
    ['readonly', returnValue(list).readonly()],
    ['nonoptional', returnValue(list.optional()).nonoptional()],
    ['pipe', returnValue(list).pipe(z.any())],
    ['pipe into it', z.any().pipe(returnValue(list))],
    ['transform', returnValue(list).transform(String)],
    ['preprocess', z.preprocess((value) => value, returnValue(list))],
    ['describe', returnValue(list).describe('x')],
    ['meta', returnValue(list).meta({ title: 'x' })],
    ['min after it', returnValue(list).min(1)],
    ['refine after it', returnValue(list).refine(() => true)],
    ['brand', returnValue(list).brand('x')],
    ['many layers', returnValue(list.min(1)).optional().nullable().default(null).readonly()],
  ])('finds a mark through %s', (_, schema) => {
    expect(markedFields(z.object({ other: z.string(), rows: schema }))).toEqual(['rows']);
  });

  test('finds none where there is none, nor one that is deeper in a field', () => {
    expect(markedFields(z.object({ a: list }))).toEqual([]);
    expect(markedFields(z.object({ a: z.object({ b: returnValue(list) }) }))).toEqual([]);
    expect(markedFields(z.object({ a: z.array(returnValue(list)) }))).toEqual([]);
    expect(markedFields(z.record(z.string(), returnValue(list)))).toEqual([]);
  });

  test('finds all of them', () => {
    expect(markedFields(z.object({ a: returnValue(list), b: list, c: returnValue(list).optional() }))).toEqual([
      'a',
      'c',
    ]);
  });

  test.each<[string, z.ZodType]>([
    ['strict', z.strictObject({ rows: returnValue(list) })],
    ['loose', z.looseObject({ rows: returnValue(list) })],
    ['transformed', z.object({ rows: returnValue(list) }).transform(String)],
    ['refined', z.object({ rows: returnValue(list) }).refine(() => true)],
    ['extended', z.object({ a: z.string() }).extend({ rows: returnValue(list) })],
    ['preprocessed', z.preprocess((value) => value, z.object({ rows: returnValue(list) }))],
    ['partial', z.object({ rows: returnValue(list) }).partial()],
  ])('looks into an object schema that is %s', (_, schema) => {
    expect(markedFields(schema)).toEqual(['rows']);
  });
});

test('the mark leaves the schema that it was given unmarked, and parses like it', () => {
  const marked = returnValue(list.min(1));
  expect(markedFields(z.object({ list, marked }))).toEqual(['marked']);
  expect(marked.parse([1])).toEqual([1]);
  expect(() => marked.parse([])).toThrow();
});

test('declaredFields names the fields of an object schema, and is undefined for others', () => {
  expect(declaredFields(z.object({ a: list, b: list }).transform(String))).toEqual(new Set(['a', 'b']));
  expect(declaredFields(z.union([z.object({ a: list }), z.object({ b: list })]))).toBeUndefined();
  expect(declaredFields(list)).toBeUndefined();
});
