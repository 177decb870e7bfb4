import { restore } from './fengari-settings';
// Behind its settings, since it reads them when it is loaded.
import { lauxlib, lua, lualib, to_luastring } from 'fengari';

restore();

export { lauxlib, lua, lualib };

/** Returns a name as Lua has it. */
export const luaName = (name: string): Uint8Array => to_luastring(name);
