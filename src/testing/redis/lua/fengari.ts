import { createRequire } from 'node:module';
import { ConfigurationError } from '../../../config/errors';
import { restore } from './fengari-settings';

/** Loads the Lua machine, which only a testing kit needs. @throws ConfigurationError when it is not installed */
function load(): typeof import('fengari') {
  try {
    return createRequire(__filename)('fengari') as typeof import('fengari');
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'MODULE_NOT_FOUND') throw error;
    throw new ConfigurationError(
      'mageflow/testing needs the package fengari, which is not installed: npm install --save-dev fengari',
      { cause: error },
    );
  } finally {
    restore();
  }
}

// Behind its settings, since it reads them when it is loaded.
const { lauxlib, lua, lualib, to_luastring } = load();

export { lauxlib, lua, lualib };

/** Returns a name as Lua has it. */
export const luaName = (name: string): Uint8Array => to_luastring(name);
