import { packFailure, wellFormedJson } from '../messages/text';
import type { Outcome } from '../store/replies';
import type { RunEnd } from '../hatchet/client';

/** What the SDK names the tasks that `onSuccess` and `onFailure` of a declaration become: its own `run` gives no task their outputs. */
const hooks = new Set(['on-success-task', 'on-failure-task']);

/**
 * How an entry ended, from what the engine says of its run. Whatever the engine ended without our code counts as failed:
 * `cancelled` is what mageflow cancelled.
 */
export function outcomeOfRun(end: RunEnd, workflow: boolean): { outcome: Outcome; payload: string } {
  if (end.status === 'COMPLETED') {
    const [own, ...others] = Object.keys(end.outputs).filter((task) => !hooks.has(task));
    const output = workflow || own === undefined || others.length > 0 ? end.outputs : end.outputs[own];
    return { outcome: 'succeeded', payload: wellFormedJson(JSON.stringify(output ?? null), 'the output') };
  }
  const reason = end.error || (end.status === 'CANCELLED' ? 'no reason was given' : 'no error was given');
  const message = end.status === 'CANCELLED' ? `the run was cancelled in the engine: ${reason}` : reason;
  return { outcome: 'failed', payload: packFailure(message) };
}
