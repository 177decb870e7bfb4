/** Returns the text of a number as Redis makes it of a number that a script passes to a command: up to 17 digits. */
export function digits(number: number): string {
  if (Number.isInteger(number) && Math.abs(number) < 1e17) return Object.is(number, -0) ? '-0' : String(number);
  if (!Number.isFinite(number)) return infinite(number);
  const [mantissa = '', exponent] = number.toPrecision(17).split('e');
  const short = mantissa.includes('.') ? mantissa.replace(/\.?0+$/, '') : mantissa;
  if (exponent === undefined) return short;
  // C writes an exponent with two digits at least.
  const [, sign = '', places = ''] = /^([+-]?)(\d+)$/.exec(exponent) ?? [];
  return `${short}e${sign || '+'}${places.padStart(2, '0')}`;
}

/** Returns the text that `string.format('%.0f', number)` gives: a half is rounded to the even neighbour. */
export function wholeDigits(number: number): string {
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

/** Returns the number that C's `strtod` reads of a word for no ordinary number; undefined for every other text. */
export function infiniteNumber(text: string): number | undefined {
  const [, sign = '', word = ''] = /^\s*([+-]?)(inf|infinity|nan)\s*$/i.exec(text) ?? [];
  if (word === '') return undefined;
  if (word.toLowerCase() === 'nan') return NaN;
  return sign === '-' ? -Infinity : Infinity;
}
