/** Returns the text of a number as C's `%.Ng` writes it. */
function general(number: number, places: number): string {
  // Most of them.
  if (number > 0 && number < 1e14 && Number.isInteger(number)) return String(number);
  if (!Number.isFinite(number)) return infinite(number);
  if (Number.isInteger(number) && Math.abs(number) < 10 ** Math.min(places, 15))
    return Object.is(number, -0) ? '-0' : String(number);
  const exact = number.toExponential(100);
  // C rounds what lies in the middle to the even neighbour, and JavaScript up.
  const end = exact.indexOf('.') + places;
  const isDown = /^[02468]50*$/.test(exact.slice(end - 1, exact.indexOf('e')));
  const rounded = isDown ? exact.slice(0, end) + exact.slice(exact.indexOf('e')) : number.toExponential(places - 1);
  let [mantissa = '', exponent] = rounded.split('e');
  const power = Number(exponent);
  if (power >= -4 && power < places)
    [mantissa, exponent] = [number.toFixed(Math.min(places - 1 - power, 100)), undefined];
  const short = mantissa.includes('.') ? mantissa.replace(/\.?0+$/, '') : mantissa;
  // C writes an exponent with two digits at least.
  return exponent === undefined
    ? short
    : `${short}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`;
}

/** Returns the text of a number as Lua shows it. */
export const shown = (number: number): string => general(number, 14);

/** Returns the text of a number as Redis makes it of a number that a script passes to a command: up to 17 digits. */
export const digits = (number: number): string => general(number, 17);

/** Returns the text that `string.format('%.0f', number)` gives: a half is rounded to the even neighbour. */
export function wholeDigits(number: number): string {
  // Most of them.
  if (number > 0 && number < 1e21 && Number.isInteger(number)) return String(number);
  if (!Number.isFinite(number)) return infinite(number);
  if (Number.isInteger(number)) {
    if (Object.is(number, -0)) return '-0';
    return Math.abs(number) < 1e21 ? String(number) : BigInt(number).toString();
  }
  const below = Math.floor(number);
  const part = number - below;
  const isUp = part > 0.5 || (part === 0.5 && below % 2 !== 0);
  const whole = isUp ? below + 1 : below;
  return whole === 0 && number < 0 ? '-0' : String(whole);
}

function infinite(number: number): string {
  if (Number.isNaN(number)) return 'nan';
  return number > 0 ? 'inf' : '-inf';
}

/** Returns the number that a text stands for; undefined if it stands for none. */
export function numberOf(text: string): number | undefined {
  // Most of them.
  if (/^\d{1,15}$/.test(text)) return Number(text);
  if (/^[\s]*[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?\s*$/i.test(text)) return Number(text);
  const [, hexSign = '', hexDigits] = /^\s*([+-]?)(0x[\da-f]+)\s*$/i.exec(text) ?? [];
  if (hexDigits !== undefined) return Number(hexDigits) * (hexSign === '-' ? -1 : 1);
  // C's `strtod`, which Lua asks, reads these words too.
  const [, sign = '', word = ''] = /^\s*([+-]?)(inf|infinity|nan)\s*$/i.exec(text) ?? [];
  if (word === '') return undefined;
  if (word.toLowerCase() === 'nan') return NaN;
  return sign === '-' ? -Infinity : Infinity;
}
