import type { LuaState } from 'fengari';
import { bufferOf, latin1, type Bytes } from '../../../src/testing/redis/bytes';
import { ReplyError } from '../../../src/testing/redis/errors';
import { Status, type Reply } from '../../../src/testing/redis/replies';
import { lua } from './fengari';
import { digits } from '../../../src/testing/redis/lua/numbers';

/** Puts bytes on the stack. */
export function pushBytes(L: LuaState, bytes: Bytes): void {
  lua.lua_pushstring(L, bufferOf(bytes));
}

/** Returns the bytes of a text or number on the stack, as an argument of a command; undefined for every other value. */
export function bytesAt(L: LuaState, index: number): Bytes | undefined {
  const type = lua.lua_type(L, index);
  if (type === lua.LUA_TNUMBER) return digits(lua.lua_tonumber(L, index));
  if (type !== lua.LUA_TSTRING) return undefined;
  return latin1(lua.lua_tostring(L, index) ?? new Uint8Array());
}

/** Puts the fields of a table on the stack. */
function pushField(L: LuaState, name: Bytes, value: Bytes): void {
  lua.lua_createtable(L, 0, 1);
  pushBytes(L, name);
  pushBytes(L, value);
  lua.lua_rawset(L, -3);
}

/** Puts a reply on the stack. Numbers are those of Lua 5.1: integers of fengari have 32 bits. */
export function pushReply(L: LuaState, reply: Reply): void {
  if (reply === null) lua.lua_pushboolean(L, false);
  else if (typeof reply === 'string') pushBytes(L, reply);
  else if (typeof reply === 'number') lua.lua_pushnumber(L, reply);
  else if (reply instanceof Status) pushField(L, 'ok', reply.text);
  else {
    lua.lua_createtable(L, reply.length, 0);
    for (let i = 0; i < reply.length; i++) {
      pushReply(L, reply[i] ?? null);
      lua.lua_rawseti(L, -2, i + 1);
    }
  }
}

/** Puts a table on the stack that a script can tell from a reply, as an error of Redis. */
export function pushError(L: LuaState, message: Bytes): void {
  pushField(L, 'err', message);
}

/** Returns a field of the table at the top of the stack, if it is a text. */
function fieldOf(L: LuaState, table: number, name: string): Bytes | undefined {
  pushBytes(L, name);
  const type = lua.lua_rawget(L, table);
  const bytes = type === lua.LUA_TSTRING ? bytesAt(L, -1) : undefined;
  lua.lua_pop(L, 1);
  return bytes;
}

/** Returns the message of an error of Redis on the stack; undefined if it is another value. */
export function errorAt(L: LuaState, index: number): Bytes | undefined {
  return lua.lua_type(L, index) === lua.LUA_TTABLE ? fieldOf(L, lua.lua_absindex(L, index), 'err') : undefined;
}

/** Returns what a script has returned, as Redis replies with it. @throws ReplyError for a table that is an error */
export function replyAt(L: LuaState, index: number): Reply {
  switch (lua.lua_type(L, index)) {
    case lua.LUA_TSTRING:
      return bytesAt(L, index) ?? '';
    case lua.LUA_TNUMBER:
      return Math.trunc(lua.lua_tonumber(L, index));
    case lua.LUA_TBOOLEAN:
      return lua.lua_toboolean(L, index) ? 1 : null;
    case lua.LUA_TTABLE:
      return listAt(L, lua.lua_absindex(L, index));
    default:
      return null;
  }
}

function listAt(L: LuaState, table: number): Reply {
  const error = fieldOf(L, table, 'err');
  if (error !== undefined) throw new ReplyError(error);
  const status = fieldOf(L, table, 'ok');
  if (status !== undefined) return new Status(status);
  const list: Reply[] = [];
  for (;;) {
    const type = lua.lua_rawgeti(L, table, list.length + 1);
    if (type !== lua.LUA_TNIL) list.push(replyAt(L, -1));
    lua.lua_pop(L, 1);
    if (type === lua.LUA_TNIL) return list;
  }
}
