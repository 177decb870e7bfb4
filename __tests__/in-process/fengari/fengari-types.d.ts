// The part of fengari that is used here; it has no types of its own.
declare module 'fengari' {
  /** A Lua machine. */
  interface LuaState {
    readonly fengari: unique symbol;
  }
  type LuaFunction = (L: LuaState) => number;

  const lua: {
    LUA_REGISTRYINDEX: number;
    LUA_TNIL: number;
    LUA_TBOOLEAN: number;
    LUA_TNUMBER: number;
    LUA_TSTRING: number;
    LUA_TTABLE: number;
    lua_absindex(L: LuaState, index: number): number;
    lua_createtable(L: LuaState, elements: number, fields: number): void;
    lua_error(L: LuaState): never;
    lua_gettop(L: LuaState): number;
    lua_next(L: LuaState, index: number): number;
    lua_pcall(L: LuaState, args: number, results: number, handler: number): number;
    lua_pop(L: LuaState, number: number): void;
    lua_pushboolean(L: LuaState, value: boolean): void;
    lua_pushcfunction(L: LuaState, action: LuaFunction): void;
    lua_pushglobaltable(L: LuaState): void;
    lua_pushlightuserdata(L: LuaState, value: unknown): void;
    lua_pushnil(L: LuaState): void;
    lua_pushnumber(L: LuaState, value: number): void;
    lua_pushstring(L: LuaState, bytes: Uint8Array): void;
    lua_pushvalue(L: LuaState, index: number): void;
    lua_rawget(L: LuaState, index: number): number;
    lua_rawgeti(L: LuaState, index: number, place: number): number;
    lua_rawset(L: LuaState, index: number): void;
    lua_rawseti(L: LuaState, index: number, place: number): void;
    lua_setmetatable(L: LuaState, index: number): void;
    lua_settop(L: LuaState, index: number): void;
    lua_toboolean(L: LuaState, index: number): boolean;
    lua_tonumber(L: LuaState, index: number): number;
    lua_tonumberx(L: LuaState, index: number): number | false;
    lua_tostring(L: LuaState, index: number): Uint8Array | null;
    lua_type(L: LuaState, index: number): number;
  };
  const lauxlib: {
    luaL_loadbuffer(L: LuaState, source: Uint8Array, length: number, name: Uint8Array): number;
    luaL_newstate(): LuaState;
    luaL_ref(L: LuaState, table: number): number;
    luaL_requiref(L: LuaState, name: Uint8Array, open: LuaFunction, isGlobal: number): void;
    luaL_where(L: LuaState, level: number): void;
  };
  const lualib: Readonly<Record<'luaopen_base' | 'luaopen_math' | 'luaopen_string' | 'luaopen_table', LuaFunction>>;
  function to_luastring(text: string): Uint8Array;
}
