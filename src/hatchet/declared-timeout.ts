/** A task as the SDK's declarations hold it, as far as this goes. */
interface Definition {
  _tasks?: readonly { scheduleTimeout?: unknown }[];
  _durableTasks?: readonly { scheduleTimeout?: unknown }[];
  taskDefaults?: { scheduleTimeout?: unknown };
}

/**
 * For how long a declaration lets its runs wait for a worker, as the engine is told ('1m30s'); of a workflow of several tasks,
 * the first that is given. Undefined when it says nothing, and the engine's default holds.
 */
export function declaredScheduleTimeout(declaration: unknown): string | undefined {
  const {
    _tasks = [],
    _durableTasks = [],
    taskDefaults,
  } = (declaration as { definition?: Definition }).definition ?? {};
  for (const { scheduleTimeout } of [..._tasks, ..._durableTasks])
    if (scheduleTimeout) return duration(scheduleTimeout);
  return taskDefaults?.scheduleTimeout ? duration(taskDefaults.scheduleTimeout) : undefined;
}

/** A time as Go writes it, whole seconds: '5m', '1h0m30s'. */
export function inWords(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return `${h ? `${h}h` : ''}${m ? `${m}m` : ''}${s || seconds === 0 ? `${s}s` : ''}`;
}

/** The SDK takes a text, a number of ms, or an object of hours, minutes and seconds. */
function duration(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return inWords(value);
  const { hours = 0, minutes = 0, seconds = 0 } = value as Record<'hours' | 'minutes' | 'seconds', number | undefined>;
  return inWords((hours * 3600 + minutes * 60 + seconds) * 1000);
}
