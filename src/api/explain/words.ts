import { shortened } from '../../utils/quoted';

const longestMessage = 200;

/** Returns an error message, on one line and shortened, without a full stop. */
export function message(text: string): string {
  return shortened(text, longestMessage).replace(/\.$/, '');
}

/** Returns '1 item', '3 items'. */
export function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? '' : 's'}`;
}

/** Returns 'a', 'a and b', 'a, b and c'. */
export function list(parts: readonly string[]): string {
  return parts.length < 2 ? (parts[0] ?? '') : `${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}`;
}

const units = [
  { name: 'days', ms: 24 * 60 * 60 * 1000 },
  { name: 'h', ms: 60 * 60 * 1000 },
  { name: 'min', ms: 60 * 1000 },
  { name: 's', ms: 1000 },
];

/** Returns a length of time in its largest unit of which there are two: '90 s', '3 min', '36 h'. */
export function lasting(ms: number): string {
  const unit = units.find((one) => ms >= 2 * one.ms);
  return unit ? `${Math.floor(ms / unit.ms)} ${unit.name}` : ms >= 1000 ? '1 s' : 'less than 1 s';
}

/** Makes a sentence of a clause. */
export function sentence(clause: string): string {
  const [first = ''] = clause;
  const end = /[.!?]$/.test(clause) ? '' : '.';
  return `${first.toUpperCase()}${clause.slice(first.length)}${end}`;
}

/** Says how to resume something. */
export function resumeHint(id: string): string {
  return `Resume it: await (await mage.load(${JSON.stringify(id)})).resume().`;
}
