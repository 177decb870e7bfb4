import { canonical } from '../messages/canonical';
import { isSignature } from './binding';
import type { TaskEntry, TaskLike } from './types';

/** What tasks are, in words that are the same in each attempt of the body that names them. */
export function identityOfTasks(tasks: readonly TaskEntry[]): string {
  const what = JSON.stringify(
    tasks.map((entry) => {
      const [task, data] = Array.isArray(entry) ? (entry as [TaskLike, object?]) : [entry as TaskLike];
      if (isSignature(task)) return task.identity;
      return [typeof task === 'string' ? task : task.definition.name, data ?? {}];
    }),
  );
  return canonical(what);
}
