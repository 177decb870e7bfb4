import type { Progress, SignatureStatus } from '../api/types';
import { UsageError } from './errors';
import type { Color } from './column';

const units = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const;
const durationPattern = /^(\d+(?:\.\d+)?)(ms|s|m|h|d|w)$/;

/** Returns a duration such as `90s` or `2h` in ms. @throws UsageError */
export function durationOf(option: string, text: string): number {
  const [, count, unit] = durationPattern.exec(text) ?? [];
  if (count === undefined || unit === undefined)
    throw new UsageError(`${option}: expected a duration such as 500ms, 90s, 10m, 2h or 7d, got "${text}".`);
  return Math.round(Number(count) * units[unit as keyof typeof units]);
}

/** Returns a time, given as a duration before now or as a date. @throws UsageError */
export function timeOf(option: string, text: string, now: number): number {
  if (durationPattern.test(text)) return now - durationOf(option, text);
  const at = Date.parse(text);
  if (!Number.isNaN(at)) return at;
  throw new UsageError(
    `${option}: expected a duration such as 2h, or a date such as 2026-11-30T08:00:00Z, got "${text}".`,
  );
}

/** Returns a whole number. @throws UsageError */
export function numberOf(option: string, text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new UsageError(`${option}: expected a whole number, got "${text}".`);
}

/** Returns a JSON object. @throws UsageError */
export function objectOf(option: string, text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new UsageError(`${option}: expected a JSON object, but ${(error as Error).message}.`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new UsageError(`${option}: expected a JSON object such as '{"day":"2026-11-30"}', got ${kindOf(value)}.`);
  return value as Record<string, unknown>;
}

/** Names a JSON value for an error. */
export function kindOf(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'a list' : `a ${typeof value}`;
}

/** Returns how long something lasts, in one unit or two. */
export function lasting(ms: number): string {
  const s = Math.max(0, Math.round(ms / 1_000));
  if (s < 60) return `${s}s`;
  if (s < 3_600) return `${Math.floor(s / 60)}m${s % 60 > 0 && s < 600 ? ` ${s % 60}s` : ''}`;
  if (s < 86_400) return `${Math.floor(s / 3_600)}h${s % 3_600 >= 60 ? ` ${Math.floor((s % 3_600) / 60)}m` : ''}`;
  return `${Math.floor(s / 86_400)}d${s % 86_400 >= 3_600 ? ` ${Math.floor((s % 86_400) / 3_600)}h` : ''}`;
}

/** Returns how many items of a group have ended, and of what. */
export function progressText({
  total,
  succeeded,
  failed,
  cancelled,
}: Pick<Progress, 'total' | 'succeeded' | 'failed' | 'cancelled'>): string {
  const bad = [failed > 0 ? `${failed} failed` : '', cancelled > 0 ? `${cancelled} cancelled` : ''].filter(Boolean);
  return `${succeeded + failed + cancelled}/${total}${bad.length > 0 ? ` (${bad.join(', ')})` : ''}`;
}

const colors: Record<SignatureStatus, Color | undefined> = {
  pending: 'gray',
  queued: undefined,
  running: 'cyan',
  suspended: 'yellow',
  succeeded: 'green',
  failed: 'red',
  cancelled: 'yellow',
};

export function colorOf(status: SignatureStatus): Color | undefined {
  return colors[status];
}

/** Returns "1 group", "2 groups". */
export function counted(count: number, noun: string): string {
  return `${count.toLocaleString('en-US')} ${noun}${count === 1 ? '' : 's'}`;
}

/** Returns a text with a capital first letter. */
export function capital(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
}
