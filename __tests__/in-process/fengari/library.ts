import { createHash } from 'node:crypto';
import type { LuaFunction, LuaState } from 'fengari';
import type { Bytes } from '../../../src/testing/redis/bytes';
import { notKnown, ReplyError } from '../../../src/testing/redis/errors';
import { lauxlib, lua, lualib, luaName } from './fengari';
import { jsonAt, pushJson } from './json';
import { numberOf, wholeDigits } from '../../../src/testing/redis/lua/numbers';
import { pack, unpack } from '../../../src/testing/redis/lua/struct';
import { bytesAt, pushBytes } from './values';

/**
 * The functions of Lua that scripts may use. Those that fengari has are the same in Lua 5.1, which Redis has, and in 5.3.
 * All others are missing, so that a script which uses one fails.
 */
export const knownFunctions = {
  _G: ['assert', 'error', 'ipairs', 'next', 'pairs', 'pcall', 'select', 'tonumber', 'tostring', 'type', 'unpack'],
  string: [
    'byte',
    'char',
    'find',
    'format',
    'gmatch',
    'gsub',
    'len',
    'lower',
    'match',
    'rep',
    'reverse',
    'sub',
    'upper',
  ],
  table: ['concat', 'insert', 'remove', 'sort', 'unpack'],
  math: ['abs', 'ceil', 'floor', 'huge', 'max', 'min'],
  redis: ['call', 'pcall', 'sha1hex', 'log', 'LOG_DEBUG', 'LOG_VERBOSE', 'LOG_NOTICE', 'LOG_WARNING'],
  cjson: ['decode', 'encode'],
  struct: ['pack', 'unpack'],
} as const;

/** Functions that behave otherwise in Lua 5.3, and those that Redis adds. `redis.call` and `redis.pcall` are not among them. */
const own: Record<string, Record<string, LuaFunction>> = {
  _G: { tonumber },
  // In Lua 5.3 the result may be an integer, which in fengari has 32 bits.
  math: { floor: rounded(Math.floor), ceil: rounded(Math.ceil) },
  string: { format },
  redis: {
    sha1hex: (L) => {
      pushBytes(L, createHash('sha1').update(expectText(L, 1), 'latin1').digest('hex'));
      return 1;
    },
    log: () => 0,
  },
  cjson: {
    decode: (L) => {
      pushJson(L, expectText(L, 1));
      return 1;
    },
    encode: (L) => {
      pushBytes(L, jsonAt(L, 1));
      return 1;
    },
  },
  struct: {
    pack: (L) => {
      const numbers = Array.from({ length: lua.lua_gettop(L) - 1 }, (_, i) => lua.lua_tonumber(L, i + 2));
      pushBytes(L, pack(expectText(L, 1), numbers));
      return 1;
    },
    unpack: (L) => {
      const from = lua.lua_gettop(L) < 3 ? 1 : lua.lua_tonumber(L, 3);
      const values = unpack(expectText(L, 1), expectText(L, 2), from);
      for (const value of values) lua.lua_pushnumber(L, value);
      return values.length;
    },
  },
};

const logLevels = { LOG_DEBUG: 0, LOG_VERBOSE: 1, LOG_NOTICE: 2, LOG_WARNING: 3 };

/** Puts the known functions of Lua and of Redis into a new state, and nothing else. */
export function openLibrary(L: LuaState, calls: Record<'call' | 'pcall', LuaFunction>): void {
  const opened = {
    _G: lualib.luaopen_base,
    string: lualib.luaopen_string,
    table: lualib.luaopen_table,
    math: lualib.luaopen_math,
  };
  for (const [name, open] of Object.entries(opened)) {
    lauxlib.luaL_requiref(L, luaName(name), open, 1);
    lua.lua_pop(L, 1);
  }
  lua.lua_pushglobaltable(L);
  const globals = lua.lua_absindex(L, -1);
  for (const name of ['redis', 'cjson', 'struct']) setField(L, globals, name, () => lua.lua_createtable(L, 0, 0));
  // Lua 5.1 has it as a global.
  pushField(L, globals, 'table');
  setField(L, globals, 'unpack', () => void pushField(L, lua.lua_absindex(L, -1), 'unpack'));
  lua.lua_pop(L, 1);
  for (const [library, names] of Object.entries(knownFunctions)) {
    pushField(L, globals, library);
    const table = lua.lua_absindex(L, -1);
    const libraries = library === '_G' ? Object.keys(knownFunctions) : [];
    removeOthers(L, table, new Set<string>([...names, ...libraries]));
    for (const [name, action] of Object.entries(own[library] ?? {}))
      setField(L, table, name, () => lua.lua_pushcfunction(L, guarded(action)));
    if (library === 'redis') {
      for (const [name, action] of Object.entries(calls))
        setField(L, table, name, () => lua.lua_pushcfunction(L, action));
      for (const [name, level] of Object.entries(logLevels))
        setField(L, table, name, () => lua.lua_pushnumber(L, level));
    }
    lua.lua_pop(L, 1);
  }
  lua.lua_pop(L, 1);
}

/** Makes an error of an action one of Lua, which `pcall` catches. */
export function guarded(action: LuaFunction): LuaFunction {
  return (L) => {
    let message: string;
    try {
      return action(L);
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      message = error.message;
    }
    lauxlib.luaL_where(L, 1);
    const where = bytesAt(L, -1) ?? '';
    lua.lua_pop(L, 1);
    pushBytes(L, where + message.replace(/^ERR /, ''));
    return lua.lua_error(L);
  };
}

function pushField(L: LuaState, table: number, name: string): void {
  pushBytes(L, name);
  lua.lua_rawget(L, table);
}

function setField(L: LuaState, table: number, name: string, push: () => void): void {
  push();
  const value = lua.lua_absindex(L, -1);
  pushBytes(L, name);
  lua.lua_pushvalue(L, value);
  lua.lua_rawset(L, table);
  lua.lua_pop(L, 1);
}

function removeOthers(L: LuaState, table: number, kept: ReadonlySet<string>): void {
  const names: string[] = [];
  lua.lua_pushnil(L);
  while (lua.lua_next(L, table) !== 0) {
    lua.lua_pop(L, 1);
    names.push(bytesAt(L, -1) ?? '');
  }
  for (const name of names) if (!kept.has(name)) setField(L, table, name, () => lua.lua_pushnil(L));
}

function expectText(L: LuaState, index: number): Bytes {
  const text = bytesAt(L, index);
  if (text === undefined) throw new ReplyError(`ERR bad argument #${index}: expected a text`);
  return text;
}

/** Returns the number at a place of the stack, or of the text there; undefined for every other value. */
function numberAt(L: LuaState, index: number): number | undefined {
  const number = lua.lua_tonumberx(L, index);
  if (number !== false) return number;
  return lua.lua_type(L, index) === lua.LUA_TSTRING ? numberOf(bytesAt(L, index) ?? '') : undefined;
}

function tonumber(L: LuaState): number {
  if (lua.lua_gettop(L) > 1) throw notKnown('tonumber with a base');
  const number = numberAt(L, 1);
  if (number === undefined) lua.lua_pushnil(L);
  else lua.lua_pushnumber(L, number);
  return 1;
}

function rounded(round: (number: number) => number): LuaFunction {
  return (L) => {
    const number = numberAt(L, 1);
    if (number === undefined) throw new ReplyError('ERR bad argument #1: expected a number');
    lua.lua_pushnumber(L, round(number));
    return 1;
  };
}

function format(L: LuaState): number {
  const text = expectText(L, 1);
  if (text !== '%.0f' && text !== '%d') throw notKnown(`the format ${text} of string.format`);
  const number = numberAt(L, 2);
  if (number === undefined) throw new ReplyError('ERR bad argument #2: expected a number');
  pushBytes(L, wholeDigits(text === '%d' ? Math.trunc(number) + 0 : number));
  return 1;
}
