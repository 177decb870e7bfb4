import { packFailure, wellFormedJson } from '../messages/text';
import type { Outcome } from '../store/replies';
import type { RunEnd } from '../hatchet/client';

/**
 * The SDK's names for the tasks of a declaration's `onSuccess` and `onFailure`. The SDK's own `run` does not return their
 * outputs.
 */
const hooks = new Set(['on-success-task', 'on-failure-task']);

/**
 * How an entry ended, from the engine's state of its run. A run that the engine ended without mageflow counts as failed;
 * `cancelled` means that mageflow cancelled it.
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
