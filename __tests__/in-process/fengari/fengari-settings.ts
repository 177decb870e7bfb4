/** The variable from which fengari takes its settings when it is loaded, and only then. */
const variable = 'FENGARICONF';

/** Makes whole numbers look as in Lua 5.1, which Redis has: `10 / 2 .. ''` is '5', and not '5.0'. */
const settings = { LUA_COMPAT_FLOATSTRING: true };

const before = process.env[variable];
process.env[variable] = JSON.stringify(settings);

/** Puts the variable back, so that other programs of this process are not concerned. */
export function restore(): void {
  if (before === undefined) delete process.env[variable];
  else process.env[variable] = before;
}
