import { LuaError } from './error';
import { numberOf, shown } from './numbers';
import { Table, typeOf, type LuaFunction, type Value, type Values } from './table';

/** What a function returns that returns nothing. */
const NONE: readonly Value[] = Object.freeze([]);

const isSeveral = (values: Values): values is readonly Value[] => Array.isArray(values);

/** Returns one value of what a function has returned. */
const first = (values: Values): Value => (isSeveral(values) ? values[0] : values);

/** Returns all values that a function has returned. */
export const all = (values: Values): readonly Value[] => (isSeveral(values) ? values : [values]);

const isTrue = (value: Value): boolean => value !== undefined && value !== false;

/** Returns a number, or the one that a text stands for; undefined for every other value. */
export function asNumber(value: Value): number | undefined {
  if (typeof value === 'number') return value;
  return typeof value === 'string' ? numberOf(value) : undefined;
}

function number(value: Value): number {
  const read = asNumber(value);
  if (read === undefined) throw new LuaError(`attempt to perform arithmetic on a ${typeOf(value)} value`);
  return read;
}

/** Returns an operand of `..` as a text. */
function text(value: Value): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return shown(value);
  throw new LuaError(`attempt to concatenate a ${typeOf(value)} value`);
}

const add = (a: Value, b: Value): number =>
  typeof a === 'number' && typeof b === 'number' ? a + b : number(a) + number(b);
const sub = (a: Value, b: Value): number =>
  typeof a === 'number' && typeof b === 'number' ? a - b : number(a) - number(b);
const mul = (a: Value, b: Value): number => number(a) * number(b);
const div = (a: Value, b: Value): number => number(a) / number(b);
const pow = (a: Value, b: Value): number => number(a) ** number(b);

function mod(a: Value, b: Value): number {
  const [left, right] = [number(a), number(b)];
  return left - Math.floor(left / right) * right;
}

/** @throws LuaError for what has no order */
function ordered(a: Value, b: Value): LuaError {
  const [left, right] = [typeOf(a), typeOf(b)];
  return new LuaError(
    left === right ? `attempt to compare two ${left} values` : `attempt to compare ${left} with ${right}`,
  );
}

export function lt(a: Value, b: Value): boolean {
  if (typeof a === 'number' && typeof b === 'number') return a < b;
  if (typeof a === 'string' && typeof b === 'string') return a < b;
  throw ordered(a, b);
}

function le(a: Value, b: Value): boolean {
  if (typeof a === 'number' && typeof b === 'number') return a <= b;
  if (typeof a === 'string' && typeof b === 'string') return a <= b;
  throw ordered(a, b);
}

const gt = (a: Value, b: Value): boolean => lt(b, a);
const ge = (a: Value, b: Value): boolean => le(b, a);

function length(value: Value): number {
  if (typeof value === 'string') return value.length;
  if (value instanceof Table) return value.list.length;
  throw new LuaError(`attempt to get length of a ${typeOf(value)} value`);
}

function index(table: Value, key: Value): Value {
  if (table instanceof Table) return table.get(key);
  throw new LuaError(`attempt to index a ${typeOf(table)} value`);
}

function setIndex(table: Value, key: Value, value: Value): void {
  if (!(table instanceof Table)) throw new LuaError(`attempt to index a ${typeOf(table)} value`);
  table.set(key, value);
}

export function callable(value: Value): LuaFunction {
  if (typeof value === 'function') return value as LuaFunction;
  throw new LuaError(`attempt to call a ${typeOf(value)} value`);
}

/** @param fields - names and values in turns */
function table(list: Value[], fields?: readonly Value[]): Table {
  const made = new Table(list);
  for (let i = 0; fields && i < fields.length; i += 2)
    if (fields[i + 1] !== undefined) made.set(fields[i], fields[i + 1]);
  return made;
}

/** Returns a table that is an argument of a function. */
export function expectTable(value: Value, name = 'ipairs', place = 1): Table {
  if (value instanceof Table) return value;
  throw badArgument(name, place, 'table', value);
}

export function badArgument(name: string, place: number, expected: string, value: Value): LuaError {
  const got = value === undefined ? 'no value' : typeOf(value);
  return new LuaError(`bad argument #${place} to '${name}' (${expected} expected, got ${got})`);
}

const entries = (value: Value): IterableIterator<[Value, Value]> => expectTable(value, 'pairs').entries();

function missing(name: string): never {
  throw new LuaError(`Script attempted to access nonexistent global variable '${name}'`);
}

function setGlobal(): never {
  throw new LuaError('Attempt to modify a readonly table');
}

/** What the code of translated scripts calls by these names. */
export const operators = {
  NONE,
  add,
  all,
  callable,
  div,
  entries,
  expectTable,
  first,
  ge,
  gt,
  index,
  isTrue,
  le,
  length,
  lt,
  missing,
  mod,
  mul,
  number,
  pow,
  setGlobal,
  setIndex,
  sub,
  table,
  text,
};
