import { packFailure, wellFormedJson } from '../messages/text';
import type { Outcome } from '../store/replies';
import { packBackOff, readBackOff } from './back-offs';
import type { HandlerKind } from './task-registry';
import type { RunEnd } from '../hatchet/client';

/**
 * The SDK's names for the tasks of a declaration's `onSuccess` and `onFailure`. The SDK's own `run` does not return their
 * outputs.
 */
const hooks = new Set(['on-success-task', 'on-failure-task']);

/**
 * How an entry ended, from the engine's state of its run. A run that the engine ended without mageflow counts as failed;
 * `cancelled` means that mageflow cancelled it.
 * @param handler - how its name is served; undefined when no wrapped worker has ever served it
 */
export function outcomeOfRun(
  end: RunEnd,
  handler: HandlerKind | undefined,
): { outcome: Outcome | 'backed-off'; payload: string } {
  if (end.status === 'COMPLETED') {
    const [own, ...others] = Object.keys(end.outputs).filter((task) => !hooks.has(task));
    const output = handler === 'workflow' || own === undefined || others.length > 0 ? end.outputs : end.outputs[own];
    // Only a wrapper ends a run like this.
    const backOff = handler === 'task' ? readBackOff(output) : undefined;
    if (backOff) return { outcome: 'backed-off', payload: packBackOff(backOff) };
    return { outcome: 'succeeded', payload: wellFormedJson(JSON.stringify(output ?? null), 'the output') };
  }
  const reason = end.error || (end.status === 'CANCELLED' ? 'no reason was given' : 'no error was given');
  const message = end.status === 'CANCELLED' ? `the run was cancelled in the engine: ${reason}` : reason;
  return { outcome: 'failed', payload: packFailure(message) };
}
