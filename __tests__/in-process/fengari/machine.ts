import type { LuaFunction, LuaState } from 'fengari';
import { bufferOf, type Bytes } from '../../../src/testing/redis/bytes';
import { ReplyError } from '../../../src/testing/redis/errors';
import type { CallOfScript, Interpreter, Script } from '../../../src/testing/redis/lua/machine';
import type { Reply } from '../../../src/testing/redis/replies';
import { lauxlib, lua, luaName } from './fengari';
import { guarded, openLibrary } from './library';
import { bytesAt, errorAt, pushBytes, pushError, pushReply, replyAt } from './values';

/** Runs scripts by fengari, a machine for Lua 5.3. One machine runs them all, each with `KEYS` and `ARGV` of its own. */
export class FengariMachine implements Interpreter {
  private readonly state: LuaState = lauxlib.luaL_newstate();
  private readonly globals: number;
  /** The places of the scripts that have run, by their texts. */
  private readonly known = new Map<string, number>();
  /** What a command has thrown other than an error of Redis: Lua would lose it. */
  private fault: Error | undefined;
  /** The line of the script that has failed, as `user_script:7`. */
  private failedAt = '';
  /** Called in the place of an error, before what was called there is left. */
  private readonly noteLine: LuaFunction = (L) => {
    // The innermost function may be one of Redis, which has no line.
    for (let level = 1; level <= 2 && this.failedAt === ''; level++) {
      lauxlib.luaL_where(L, level);
      this.failedAt = (bytesAt(L, -1) ?? '').replace(/: $/, '');
      lua.lua_pop(L, 1);
    }
    return 1;
  };

  constructor(private readonly callOfScript: CallOfScript) {
    const L = this.state;
    openLibrary(L, { call: this.command(true), pcall: this.command(false) });
    lua.lua_pushglobaltable(L);
    this.protectGlobals();
    this.globals = lauxlib.luaL_ref(L, lua.LUA_REGISTRYINDEX);
  }

  /** @throws ReplyError */
  run(script: Script, keys: readonly Bytes[], args: readonly Bytes[]): Reply {
    const L = this.state;
    const place = this.known.get(script.lua) ?? this.load(script);
    try {
      lua.lua_rawgeti(L, lua.LUA_REGISTRYINDEX, this.globals);
      this.setGlobal('KEYS', keys);
      this.setGlobal('ARGV', args);
      lua.lua_pushcfunction(L, this.noteLine);
      lua.lua_rawgeti(L, lua.LUA_REGISTRYINDEX, place);
      this.failedAt = '';
      const status = lua.lua_pcall(L, 0, 1, -2);
      if (this.fault !== undefined) throw this.fault;
      if (status !== 0) throw this.failure(script);
      return replyAt(L, -1);
    } finally {
      this.fault = undefined;
      lua.lua_settop(L, 0);
    }
  }

  private load({ lua: source }: Script): number {
    const L = this.state;
    const bytes = Buffer.from(source, 'utf8');
    if (lauxlib.luaL_loadbuffer(L, bytes, bytes.length, luaName('@user_script')) !== 0) {
      const message = bytesAt(L, -1) ?? '';
      lua.lua_pop(L, 1);
      throw new ReplyError(`ERR Error compiling script (new function): ${message}`);
    }
    const place = lauxlib.luaL_ref(L, lua.LUA_REGISTRYINDEX);
    this.known.set(source, place);
    return place;
  }

  /** Sets a variable of the table of globals, which is at the top of the stack. */
  private setGlobal(name: string, values: readonly Bytes[]): void {
    pushBytes(this.state, name);
    pushReply(this.state, [...values]);
    lua.lua_rawset(this.state, -3);
  }

  /** Returns the error of Redis for the one at the top of the stack. */
  private failure({ sha }: Script): ReplyError {
    const L = this.state;
    const ofRedis = errorAt(L, -1);
    const message = ofRedis ?? `ERR ${bytesAt(L, -1) ?? 'a script has thrown a value that is no text'}`;
    const where = this.failedAt === '' ? '' : `, on @${this.failedAt}`;
    return new ReplyError(`${message} script: ${sha}${where}.`);
  }

  private command(throws: boolean): LuaFunction {
    return (L) => {
      const words: Bytes[] = [];
      for (let i = 1; i <= lua.lua_gettop(L); i++) {
        const word = bytesAt(L, i);
        if (word === undefined)
          return this.refuse(L, 'ERR Lua redis lib command arguments must be strings or integers');
        words.push(word);
      }
      const [command, ...args] = words;
      if (command === undefined)
        return this.refuse(L, 'ERR Please specify at least one argument for this redis lib call');
      let message: string;
      try {
        pushReply(L, this.callOfScript(command, args));
        return 1;
      } catch (error) {
        if (!(error instanceof ReplyError)) this.fault = error as Error;
        message = (error as Error).message;
      }
      if (throws) return this.refuse(L, message);
      pushError(L, message);
      return 1;
    };
  }

  private refuse(L: LuaState, message: Bytes): never {
    pushError(L, message);
    return lua.lua_error(L);
  }

  /** Makes a script fail that reads or sets a global variable which does not exist. The table is at the top of the stack. */
  private protectGlobals(): void {
    const L = this.state;
    const fails = (message: (name: Bytes) => string): LuaFunction =>
      guarded((state) => {
        throw new ReplyError(message(bytesAt(state, 2) ?? ''));
      });
    lua.lua_createtable(L, 0, 2);
    for (const [name, action] of [
      ['__index', fails((name) => `Script attempted to access nonexistent global variable '${name}'`)],
      ['__newindex', fails(() => 'Attempt to modify a readonly table')],
    ] as const) {
      lua.lua_pushstring(L, bufferOf(name));
      lua.lua_pushcfunction(L, action);
      lua.lua_rawset(L, -3);
    }
    lua.lua_setmetatable(L, -2);
  }
}
