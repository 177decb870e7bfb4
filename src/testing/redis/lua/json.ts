import { bytesOf, textOf } from '../bytes';
import { LuaError } from './error';
import { shown } from './numbers';
import { JsonNull, Table, typeOf, type Value } from './table';

const nothing = new JsonNull();

/** Returns the value of a JSON text. @throws LuaError */
export function decode(text: string): Value {
  let json: unknown;
  try {
    json = JSON.parse(textOf(text));
  } catch (error) {
    throw new LuaError((error as SyntaxError).message);
  }
  return valueOf(json);
}

function valueOf(json: unknown): Value {
  if (json === null) return nothing;
  if (typeof json === 'string') return bytesOf(json);
  if (Array.isArray(json)) return new Table(json.map(valueOf));
  if (typeof json !== 'object') return json as number | boolean;
  const table = new Table();
  for (const [name, value] of Object.entries(json)) table.set(bytesOf(name), valueOf(value));
  return table;
}

/** Returns the JSON text of a value. An empty table is an object, as in the cjson of Redis. @throws LuaError */
export function encode(value: Value): string {
  if (value === undefined || value instanceof JsonNull) return 'null';
  if (typeof value === 'boolean') return String(value);
  if (typeof value === 'string') return quoted(value);
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new LuaError('Cannot serialise number: must not be NaN or Inf');
    return shown(value);
  }
  if (value instanceof Table) return encodeTable(value);
  throw new LuaError(`Cannot serialise ${typeOf(value)}: type not supported`);
}

function encodeTable(table: Table): string {
  const entries = [...table.entries()];
  const isList = entries.length > 0 && entries.length === table.list.length;
  if (isList) return `[${table.list.map(encode).join(',')}]`;
  const fields = entries.map(([key, value]) => {
    if (typeof key !== 'string' && typeof key !== 'number')
      throw new LuaError('Cannot serialise table: table key must be a number or string');
    return `${quoted(typeof key === 'number' ? shown(key) : key)}:${encode(value)}`;
  });
  return `{${fields.join(',')}}`;
}

/** The bytes beyond ASCII stay as they are. */
function quoted(text: string): string {
  // It escapes the slash, and the last character of ASCII.
  return JSON.stringify(text).replace(/[/\x7f]/g, (character) => (character === '/' ? '\\/' : '\\u007f'));
}
