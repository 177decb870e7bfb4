import { createHash } from 'node:crypto';
import { notKnown } from '../errors';
import { LuaError } from './error';
import { decode, encode } from './json';
import { shown } from './numbers';
import { all, asNumber, badArgument, callable, expectTable, lt, operators } from './operators';
import { expectNumber, expectText, strings, whole } from './strings';
import { pack, unpack as unpackStruct } from './struct';
import { Table, typeOf, type LuaFunction, type Value, type Values } from './table';

/** Lua gives no more values than this to a call, or a few less. */
const mostValues = 7_990;

function unpack(list: Value, from: Value, to: Value): Values {
  const table = expectTable(list, 'unpack');
  const first = whole(from, 'unpack', 2, 1);
  const last = whole(to, 'unpack', 3, table.list.length);
  if (last - first >= mostValues) throw new LuaError('too many results to unpack');
  if (first === 1 && last === table.list.length) return table.list.slice();
  return Array.from({ length: Math.max(last - first + 1, 0) }, (_, i) => table.get(first + i));
}

function pcall(called: Value, ...args: Value[]): Values {
  try {
    return [true, ...all(callable(called)(...args))];
  } catch (error) {
    if (!(error instanceof LuaError)) throw error;
    const value = error.value as Value;
    // Of an error of Redis, its message.
    const ofRedis = value instanceof Table ? value.get('err') : undefined;
    return [false, typeof ofRedis === 'string' ? ofRedis : value];
  }
}

function tonumber(...args: Value[]): Value {
  if (args.length === 0) throw new LuaError("bad argument #1 to 'tonumber' (value expected)");
  if (args[1] !== undefined) throw notKnown('tonumber with a base');
  return asNumber(args[0]);
}

function tostring(...args: Value[]): string {
  if (args.length === 0) throw new LuaError("bad argument #1 to 'tostring' (value expected)");
  const [value] = args;
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return shown(value);
  return value === undefined || typeof value === 'boolean' ? String(value ?? 'nil') : `${typeOf(value)}: 0x0`;
}

function next(value: Value, key: Value): Values {
  const table = expectTable(value, 'next');
  let isBehind = key === undefined;
  for (const entry of table.entries()) {
    if (isBehind) return entry;
    isBehind = entry[0] === key;
  }
  return undefined;
}

function ipairs(value: Value): Values {
  const table = expectTable(value);
  const step = (_: Value, at: Value): Values => {
    const i = Number(at) + 1;
    const element = table.get(i);
    return element === undefined ? undefined : [i, element];
  };
  return [step, table, 0];
}

function select(from: Value, ...values: Value[]): Values {
  if (from === '#') return values.length;
  const place = whole(from, 'select', 1);
  if (place === 0 || place < -values.length) throw new LuaError("bad argument #1 to 'select' (index out of range)");
  return values.slice(place > 0 ? place - 1 : place);
}

const globals = {
  assert: (...values: Value[]): Values => {
    const [value, message] = values;
    if (value === undefined || value === false)
      throw new LuaError(message === undefined ? 'assertion failed!' : expectText(message, 'assert', 2));
    return values;
  },
  error: (value: Value, level: Value): never => {
    throw new LuaError(value, whole(level, 'error', 2, 1));
  },
  ipairs,
  next,
  pairs: (value: Value): Values => [next, expectTable(value, 'pairs'), undefined],
  pcall,
  select,
  tonumber,
  tostring,
  type: typeOf,
  unpack,
} satisfies Record<string, LuaFunction>;

function concat(list: Value, between: Value, from: Value, to: Value): string {
  const table = expectTable(list, 'concat');
  const separator = between === undefined ? '' : expectText(between, 'concat', 2);
  const first = whole(from, 'concat', 3, 1);
  const last = whole(to, 'concat', 4, table.list.length);
  const texts: string[] = [];
  for (let i = first; i <= last; i++) {
    const value = table.get(i);
    if (typeof value === 'string') texts.push(value);
    else if (typeof value === 'number') texts.push(shown(value));
    else throw new LuaError(`invalid value (${typeOf(value)}) at index ${i} in table for 'concat'`);
  }
  return texts.join(separator);
}

function insert(...args: Value[]): void {
  const table = expectTable(args[0], 'insert');
  if (args.length === 2) return table.set(table.list.length + 1, args[1]);
  if (args.length !== 3) throw new LuaError("wrong number of arguments to 'insert'");
  const place = whole(args[1], 'insert', 2);
  for (let i = table.list.length; i >= place; i--) table.set(i + 1, table.get(i));
  table.set(place, args[2]);
}

function remove(list: Value, at: Value): Values {
  const table = expectTable(list, 'remove');
  const last = table.list.length;
  const place = whole(at, 'remove', 2, last);
  if (place < 1 || place > last) return [];
  const value = table.get(place);
  for (let i = place; i <= last; i++) table.set(i, table.get(i + 1));
  return value;
}

function sort(list: Value, comparison: Value): void {
  const table = expectTable(list, 'sort');
  const isBefore =
    comparison === undefined
      ? lt
      : (a: Value, b: Value): boolean => {
          const [answer] = all(callable(comparison)(a, b));
          return answer !== undefined && answer !== false;
        };
  table.list.sort((a, b) => (isBefore(a, b) ? -1 : isBefore(b, a) ? 1 : 0));
}

const tables = {
  concat,
  insert: (...args: Value[]): Values => {
    insert(...args);
    return [];
  },
  remove,
  sort: (list: Value, comparison: Value): Values => {
    sort(list, comparison);
    return [];
  },
} satisfies Record<string, LuaFunction>;

const numbersOf = (values: readonly Value[], name: string): number[] =>
  values.map((value, i) => expectNumber(value, name, i + 1));

const math = {
  abs: (value: Value) => Math.abs(expectNumber(value, 'abs')),
  ceil: (value: Value) => Math.ceil(expectNumber(value, 'ceil')),
  floor: (value: Value) => Math.floor(expectNumber(value, 'floor')),
  huge: Infinity,
  max: (...values: Value[]) => {
    if (values.length === 0) throw badArgument('max', 1, 'number', undefined);
    return Math.max(...numbersOf(values, 'max'));
  },
  min: (...values: Value[]) => {
    if (values.length === 0) throw badArgument('min', 1, 'number', undefined);
    return Math.min(...numbersOf(values, 'min'));
  },
} satisfies Record<string, LuaFunction | number>;

const cjson = {
  decode: (text: Value) => decode(expectText(text, 'decode')),
  encode,
} satisfies Record<string, LuaFunction>;

const struct = {
  pack: (format: Value, ...values: Value[]) => pack(expectText(format, 'pack'), numbersOf(values, 'pack')),
  unpack: (format: Value, text: Value, from: Value) =>
    unpackStruct(expectText(format, 'unpack'), expectText(text, 'unpack', 2), whole(from, 'unpack', 3, 1)),
} satisfies Record<string, LuaFunction>;

/** What Redis gives to scripts in the table `redis`. */
export interface Calls {
  call: LuaFunction;
  pcall: LuaFunction;
}

const redisOf = ({ call, pcall: protectedCall }: Calls) => ({
  call,
  pcall: protectedCall,
  sha1hex: (text: Value) => createHash('sha1').update(expectText(text, 'sha1hex'), 'latin1').digest('hex'),
  log: (): Values => [],
  LOG_DEBUG: 0,
  LOG_VERBOSE: 1,
  LOG_NOTICE: 2,
  LOG_WARNING: 3,
});

const librariesOf = (calls: Calls) => ({
  G: globals,
  string: strings,
  table: tables,
  math,
  redis: redisOf(calls),
  cjson,
  struct,
});

const none = { call: () => undefined, pcall: () => undefined };

/** The functions that scripts may use, by the names of their libraries; `G` are those without one. All others are missing. */
export const knownFunctions: Readonly<Record<string, readonly string[]>> = Object.fromEntries(
  Object.entries(librariesOf(none)).map(([library, members]) => [library, Object.keys(members)]),
);

/** Returns all that the code of a translated script uses, by the names that it has there: `string$sub`, or `add`. */
export function runtimeOf(calls: Calls): Readonly<Record<string, unknown>> {
  const members = Object.entries(librariesOf(calls)).flatMap(([library, functions]) =>
    Object.entries(functions).map(([name, value]): [string, unknown] => [`${library}$${name}`, value]),
  );
  return { ...operators, ...Object.fromEntries(members) };
}
