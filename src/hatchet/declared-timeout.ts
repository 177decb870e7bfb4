import { declared } from './internals';

/**
 * The time for which a declaration lets its runs wait for a worker, in the engine's format ('1m30s'). For a workflow of
 * several tasks, it is the first one that is set. Undefined when none is set, so that the engine's default applies.
 */
export function declaredScheduleTimeout(declaration: unknown): string | undefined {
  const { tasks = [], defaults } = declared(declaration) ?? {};
  for (const { scheduleTimeout } of tasks) if (scheduleTimeout) return duration(scheduleTimeout);
  return defaults?.scheduleTimeout ? duration(defaults.scheduleTimeout) : undefined;
}

/** Formats a time in Go's notation, in whole seconds: '5m', '1h0m30s'. */
export function inWords(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return `${h ? `${h}h` : ''}${m ? `${m}m` : ''}${s || seconds === 0 ? `${s}s` : ''}`;
}

/** The SDK accepts a text, a number of ms, or an object of hours, minutes and seconds. */
function duration(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return inWords(value);
  const { hours = 0, minutes = 0, seconds = 0 } = value as Record<'hours' | 'minutes' | 'seconds', number | undefined>;
  return inWords((hours * 3600 + minutes * 60 + seconds) * 1000);
}
