import type { LuaState } from 'fengari';
import { bytesOf, textOf } from '../../../src/testing/redis/bytes';
import { lua } from './fengari';
import { digits } from '../../../src/testing/redis/lua/numbers';
import { bytesAt, pushBytes } from './values';

/** What a JSON null becomes, as in the cjson of Redis. */
const nothing = { null: true };

/** Puts the value of a JSON text on the stack. @throws SyntaxError */
export function pushJson(L: LuaState, text: string): void {
  push(L, JSON.parse(textOf(text)) as unknown);
}

function push(L: LuaState, value: unknown): void {
  if (value === null) lua.lua_pushlightuserdata(L, nothing);
  else if (typeof value === 'boolean') lua.lua_pushboolean(L, value);
  else if (typeof value === 'number') lua.lua_pushnumber(L, value);
  else if (typeof value === 'string') pushBytes(L, bytesOf(value));
  else if (Array.isArray(value)) {
    lua.lua_createtable(L, value.length, 0);
    value.forEach((element, i) => {
      push(L, element);
      lua.lua_rawseti(L, -2, i + 1);
    });
  } else {
    const fields = Object.entries(value as object);
    lua.lua_createtable(L, 0, fields.length);
    for (const [name, element] of fields) {
      pushBytes(L, bytesOf(name));
      push(L, element);
      lua.lua_rawset(L, -3);
    }
  }
}

/** Returns the JSON text of a value on the stack. An empty table is an object, as in the cjson of Redis. */
export function jsonAt(L: LuaState, index: number): string {
  // It escapes the slash and the last character of ASCII, and leaves the bytes beyond as they are.
  return JSON.stringify(valueAt(L, index)).replaceAll('/', '\\/').replaceAll('\x7f', '\\u007f');
}

function valueAt(L: LuaState, index: number): unknown {
  switch (lua.lua_type(L, index)) {
    case lua.LUA_TSTRING:
      return bytesAt(L, index) ?? '';
    case lua.LUA_TNUMBER:
      return lua.lua_tonumber(L, index);
    case lua.LUA_TBOOLEAN:
      return lua.lua_toboolean(L, index);
    case lua.LUA_TTABLE:
      return tableAt(L, lua.lua_absindex(L, index));
    default:
      return null;
  }
}

function tableAt(L: LuaState, table: number): unknown {
  const fields = new Map<string | number, unknown>();
  lua.lua_pushnil(L);
  while (lua.lua_next(L, table) !== 0) {
    const isNumber = lua.lua_type(L, -2) === lua.LUA_TNUMBER;
    const key = isNumber ? lua.lua_tonumber(L, -2) : (bytesAt(L, -2) ?? '');
    fields.set(key, valueAt(L, -1));
    lua.lua_pop(L, 1);
  }
  const isList = fields.size > 0 && Array.from({ length: fields.size }, (_, i) => fields.has(i + 1)).every(Boolean);
  if (isList) return Array.from({ length: fields.size }, (_, i) => fields.get(i + 1));
  return Object.fromEntries([...fields].map(([key, value]) => [typeof key === 'number' ? digits(key) : key, value]));
}
