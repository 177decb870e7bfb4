import { packFailure, wellFormedJson } from '../messages/text';
import type { Outcome } from '../store/replies';
import type { RunEnd } from './engine';

/** Which names are whole workflows, whose output keeps its task names. */
export type IsWorkflow = (task: string) => boolean;

/**
 * How an entry ended, from what the engine says of its run. Whatever the engine ended without our code counts as failed:
 * `cancelled` is what mageflow cancelled.
 */
export function judge(end: RunEnd, workflow: boolean): { outcome: Outcome; payload: string } {
  if (end.status === 'COMPLETED') {
    const outputs = Object.values(end.outputs);
    const output = workflow || outputs.length !== 1 ? end.outputs : outputs[0];
    return { outcome: 'succeeded', payload: wellFormedJson(JSON.stringify(output ?? null), 'the output') };
  }
  const reason = end.error || (end.status === 'CANCELLED' ? 'no reason was given' : 'no error was given');
  const message = end.status === 'CANCELLED' ? `the run was cancelled in the engine: ${reason}` : reason;
  return { outcome: 'failed', payload: packFailure(message) };
}
