import type { Events } from '../config/events';
import { packFailure } from '../messages/text';
import type { GroupStore } from '../store/group-store';
import type { GroupReader } from '../store/group-reader';
import type { Outcome, Effects } from '../store/replies';
import type { EngineClient, RunState } from '../hatchet/client';
import { outcomeOfRun } from './run-outcome';
import type { TaskRegistry } from './task-registry';
import { emitStoredEnd, type ItemRef } from './item-events';
import { UntakenRuns } from './untaken-runs';

/** Ends entries whose own run doesn't, or didn't, report: by what the engine says of it. */
export class RunReconciler {
  private readonly untaken: UntakenRuns;

  constructor(
    private readonly engine: EngineClient,
    private readonly store: GroupStore,
    private readonly reader: GroupReader,
    private readonly served: TaskRegistry,
    private readonly publish: (groupId: string, effects: Effects) => Promise<void>,
    private readonly events: Events,
  ) {
    this.untaken = new UntakenRuns(engine, store, reader, served, events);
  }

  /**
   * Asks the engine about an entry's run and settles the entry when the run has ended. Gives what the engine said, and whether the
   * entry goes on all the same, with another run.
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
    if (fate?.code === 'goes on') {
      if (fate.effects) await this.publish(groupId, fate.effects);
      return { ...state, goesOn: true };
    }
    if (fate?.code === 'fails') await this.fail(groupId, entry, runId, fate.message);
    else if (fate) await this.cancel(groupId, entry, runId);
    else {
      const { outcome, payload } = outcomeOfRun(state.end, (await this.served.as(task)) === 'workflow');
      await this.complete(run, outcome, payload);
    }
    return state;
  }

  /** Settles an entry whose run never came to be, when its name is unknown to the engine. Whether it did. */
  async failIfUnknownName(groupId: string, entry: string, runId: string, task: string): Promise<boolean> {
    if (await this.engine.knowsName(task)) return false;
    const message = `no worker has registered a task named ${task}`;
    await this.complete({ groupId, entry, runId, task }, 'failed', packFailure(message));
    return true;
  }

  async fail(groupId: string, entry: string, runId: string, message: string): Promise<void> {
    await this.complete({ groupId, entry, runId }, 'failed', packFailure(message));
  }

  /** Ends an entry of a group that is being cancelled. */
  async cancel(groupId: string, entry: string, runId: string): Promise<void> {
    await this.complete({ groupId, entry, runId }, 'cancelled', '');
  }

  private async complete(about: ItemRef & { runId: string }, outcome: Outcome, payload: string): Promise<void> {
    const { groupId, entry, runId } = about;
    const { code, effects } = await this.store.complete(groupId, entry, runId, outcome, payload);
    if (code !== 'ended') return;
    await emitStoredEnd(this.events, this.reader, about, effects);
    await this.publish(groupId, effects);
  }
}
