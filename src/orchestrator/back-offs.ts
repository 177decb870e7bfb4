import { packFailure } from '../messages/text';

/** What a body asked for with a `BackOffError`. It is the output of the engine's run. */
export interface BackOff {
  /** The length of the pause in ms. */
  backedOff: number;
  reason?: string;
}

/** Returns the back off that an output of a run stands for. Such a run ended without an end of its item. */
export function readBackOff(output: unknown): BackOff | undefined {
  if (typeof output !== 'object' || output === null) return undefined;
  const { backedOff, reason, ...others } = output as Partial<BackOff>;
  const isDuration = Number.isSafeInteger(backedOff) && (backedOff as number) >= 0;
  if (backedOff === undefined || !isDuration || Object.keys(others).length > 0) return undefined;
  return reason === undefined ? { backedOff } : { backedOff, reason };
}

/** Returns the payload for the store: the ms, and the failure of an item that backs off too often. */
export function packBackOff({ backedOff, reason }: BackOff): string {
  const why = reason === undefined ? '' : ` The last reason: ${reason}`;
  const text = `the body backed off, and does not run again: it did so 1,000 times, or its group has stopped.${why}`;
  return `${backedOff} ${packFailure(text)}`;
}
