import { canonical } from '../messages/canonical';
import { encodeJson } from '../messages/json';
import { isSignature, taskName } from './binding';
import type { TaskEntry, TaskLike } from './types';

/**
 * Returns the identity of a list of tasks, which is the same in each attempt of the body that makes it.
 * @throws ConfigurationError, InvalidMessageError
 */
export function identityOfTasks(tasks: readonly TaskEntry[]): string {
  const what = Array.from(tasks, (entry, i) => {
    const [task, data] = Array.isArray(entry) ? (entry as [TaskLike, object?]) : [entry as TaskLike];
    return isSignature(task) ? task.identity : [taskName(task, `tasks[${i}]`), data ?? {}];
  });
  return canonical(encodeJson(what, 'the tasks'));
}
