import type { Progress, Signature, Swarm } from '../../src';
import { eventually } from './fixture';

/** Waits until a swarm's progress shows these numbers, and returns all of it. */
export function progressOf(swarm: Swarm<any>, expected: Partial<Progress>): Promise<Progress> {
  return eventually(`progress ${JSON.stringify(expected)}`, async () => {
    const progress = await swarm.progress();
    const fits = Object.entries(expected).every(([field, value]) => progress[field as keyof Progress] === value);
    if (!fits) throw new Error(JSON.stringify(progress));
    return progress;
  });
}

/** Waits until a signature has a status. */
export async function statusOf(signature: Signature<any, any>, status: string): Promise<void> {
  await eventually(`${signature.name} is ${status}`, async () => (await signature.status()) === status);
}

/** The error that a promise rejects with. */
export async function rejection(promise: Promise<unknown>): Promise<Error> {
  return promise.then(
    (value) => {
      throw new Error(`Expected a rejection, got ${JSON.stringify(value)}`);
    },
    (error: unknown) => error as Error,
  );
}
