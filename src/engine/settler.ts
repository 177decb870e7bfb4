import type { Events } from '../events';
import { packFailure } from '../messages/text';
import type { GroupStore } from '../store/group-store';
import type { GroupReader } from '../store/group-reader';
import type { Outcome, Work } from '../store/replies';
import type { Engine, RunState } from './engine';
import { judge } from './judge';
import type { Served } from './served';
import { tellEndAt, type About } from './tell-end';
import { Untaken } from './untaken';

/** Ends entries whose own run doesn't, or didn't, report: by what the engine says of it. */
export class Settler {
  private readonly untaken: Untaken;

  constructor(
    private readonly engine: Engine,
    private readonly store: GroupStore,
    private readonly reader: GroupReader,
    private readonly served: Served,
    private readonly publish: (groupId: string, work: Work) => Promise<void>,
    private readonly events: Events,
  ) {
    this.untaken = new Untaken(engine, store, reader, served, events);
  }

  /**
   * Asks the engine about an entry's run and settles the entry when the run has ended. Gives what the engine said, and whether the
   * entry goes on all the same, with another run.
   */
  async settleIfEnded(
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
      if (fate.work) await this.publish(groupId, fate.work);
      return { ...state, goesOn: true };
    }
    if (fate?.code === 'fails') await this.fail(groupId, entry, runId, fate.message);
    else if (fate) await this.cancel(groupId, entry, runId);
    else {
      const { outcome, payload } = judge(state.end, (await this.served.as(task)) === 'workflow');
      await this.settle(run, outcome, payload);
    }
    return state;
  }

  /** Settles an entry whose run never came to be, when its name is unknown to the engine. Whether it did. */
  async settleIfUnknownName(groupId: string, entry: string, runId: string, task: string): Promise<boolean> {
    if (await this.engine.knowsName(task)) return false;
    const message = `no worker has registered a task named ${task}`;
    await this.settle({ groupId, entry, runId, task }, 'failed', packFailure(message));
    return true;
  }

  async fail(groupId: string, entry: string, runId: string, message: string): Promise<void> {
    await this.settle({ groupId, entry, runId }, 'failed', packFailure(message));
  }

  /** Ends an entry of a group that is being cancelled. */
  async cancel(groupId: string, entry: string, runId: string): Promise<void> {
    await this.settle({ groupId, entry, runId }, 'cancelled', '');
  }

  private async settle(about: About & { runId: string }, outcome: Outcome, payload: string): Promise<void> {
    const { groupId, entry, runId } = about;
    const { code, work } = await this.store.settle(groupId, entry, runId, outcome, payload);
    if (code !== 'ended') return;
    await tellEndAt(this.events, this.reader, about, work);
    await this.publish(groupId, work);
  }
}
