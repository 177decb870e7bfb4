import type { HatchetClient } from '@hatchet-dev/typescript-sdk';
import { eventually, type Fixture } from './fixture';

/** How a run of one task ended, once the engine says that it has. */
export function endOfRun(hatchet: HatchetClient, runId: string) {
  return eventually(`run ${runId} ends`, async () => {
    const { done, status, taskRuns } = await hatchet.runs.getDetails(runId);
    const [task] = Object.values(taskRuns);
    return done && { status: String(status), output: task?.output as unknown, error: task?.error ?? '' };
  });
}

/**
 * Cancels runs as a person does, who sees them first: of a run that the engine has accepted and not stored yet it lets a
 * cancel go without a word.
 */
export async function cancelByHand(hatchet: HatchetClient, ...ids: string[]): Promise<void> {
  for (const id of ids) await eventually(`the engine knows run ${id}`, () => hatchet.runs.getDetails(id));
  await hatchet.runs.cancel({ ids });
}

/**
 * Replays a run of an item that has ended, as the dashboard does, and gives how it ended again. The engine does nothing
 * about the replay of a run that has yet to end, as one may when its swarm already has.
 */
export async function replayEnded({ hatchet, log }: Fixture, runId: string) {
  await endOfRun(hatchet, runId);
  const refusals = () => log.lines.filter((line) => line.includes(runId) && line.includes('retryFailed()')).length;
  const before = refusals();
  await hatchet.runs.replay({ ids: [runId] });
  await eventually('the body was refused, and the log says what to use', () => refusals() > before);
  return endOfRun(hatchet, runId);
}
