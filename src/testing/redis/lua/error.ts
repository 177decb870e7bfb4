/** The name under which translated scripts stand in stack traces: Redis calls them so too. */
export const scriptName = 'user_script';

/** JavaScript puts two lines in front of the body of a function that is made of a text. */
const linesInFront = 2;

/** Returns the lines of the translated functions that are being carried out, the innermost first. */
function linesOf(stack: unknown): number[] {
  if (typeof stack !== 'string') return [];
  return [...stack.matchAll(/\buser_script:(\d+):\d+/g)].map(([, line]) => Number(line) - linesInFront);
}

/** An error of Lua, which a script may catch. */
export class LuaError extends Error {
  /** The line of the script in which it was raised; undefined when it is not known. */
  readonly line: number | undefined;
  /** The value of Lua that `pcall` returns of it. */
  readonly value: unknown;

  /**
   * @param value - a text is put behind the place in the script
   * @param level - whose place it is: 1 for the function of the script that is carried out, 2 for the one that has called it, 0
   * for none
   */
  constructor(value: unknown, level = 1) {
    super(typeof value === 'string' ? value : 'an error of a script');
    const lines = linesOf(this.stack);
    this.line = lines[0];
    const place = lines[level - 1];
    this.value = typeof value === 'string' && place !== undefined ? `${scriptName}:${place}: ${value}` : value;
  }
}
