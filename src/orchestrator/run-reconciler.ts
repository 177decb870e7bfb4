import { packFailure } from '../messages/text';
import type { EngineClient, RunState } from '../hatchet/client';
import type { Completion } from './completion';
import { outcomeOfRun } from './run-outcome';
import type { TaskRegistry } from './task-registry';
import type { UntakenRuns } from './untaken-runs';

/** Completes entries whose own run does not report its end, from the engine's record of the run. */
export class RunReconciler {
  constructor(
    private readonly engine: EngineClient,
    private readonly registry: TaskRegistry,
    private readonly untaken: UntakenRuns,
    private readonly completion: Completion,
  ) {}

  /**
   * Asks the engine about an entry's run, and completes the entry when the run has ended.
   * @returns the run's state, and whether the entry continues with another run all the same
   */
  async completeIfEnded(
    groupId: string,
    entry: string,
    runId: string,
    task: string,
  ): Promise<RunState & { goesOn?: boolean }> {
    const state = await this.engine.state(runId);
    if (!state.known || !state.end) return state;
    const run = { groupId, entry, runId, task };
    const fate = await this.untaken.fateOf(run, state);
    if (fate?.code === 'goes on') return { ...state, goesOn: true };
    if (fate?.code === 'fails') await this.fail(groupId, entry, runId, fate.message);
    else if (fate) await this.cancel(groupId, entry, runId);
    else {
      const { outcome, payload } = outcomeOfRun(state.end, await this.registry.handlerKind(task));
      // A run that a person has cancelled may never have begun.
      const began = state.end.status !== 'CANCELLED';
      await this.completion.complete(run, { outcome, payload, began });
    }
    return state;
  }

  /**
   * Fails an entry whose run was never created, if no worker has ever registered its task's name.
   * @returns whether it did
   */
  async failIfUnknownName(groupId: string, entry: string, runId: string, task: string): Promise<boolean> {
    if (await this.engine.knowsName(task)) return false;
    const message = `no worker has registered a task named ${task}`;
    await this.completion.complete(
      { groupId, entry, runId, task },
      { outcome: 'failed', payload: packFailure(message) },
    );
    return true;
  }

  async fail(groupId: string, entry: string, runId: string, message: string): Promise<void> {
    await this.completion.complete({ groupId, entry, runId }, { outcome: 'failed', payload: packFailure(message) });
  }

  /** Completes an entry of a group that is being cancelled. */
  async cancel(groupId: string, entry: string, runId: string): Promise<void> {
    await this.completion.complete({ groupId, entry, runId }, { outcome: 'cancelled', payload: '' });
  }
}
