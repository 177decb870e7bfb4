import { canonical } from '../messages/canonical';
import { encodeJson } from '../messages/json';
import { isSignature, taskName } from './binding';
import type { TaskEntry, TaskLike } from './types';

/** What tasks are, in words that are the same in each attempt of the body that names them. @throws ConfigurationError, InvalidMessageError */
export function identityOfTasks(tasks: readonly TaskEntry[]): string {
  const what = Array.from(tasks, (entry, i) => {
    const [task, data] = Array.isArray(entry) ? (entry as [TaskLike, object?]) : [entry as TaskLike];
    return isSignature(task) ? task.identity : [taskName(task, `tasks[${i}]`), data ?? {}];
  });
  return canonical(encodeJson(what, 'the tasks'));
}
