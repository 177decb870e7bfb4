import { pause } from '../utils/clock';
import { RecentMap } from '../utils/recent-map';
import type { GroupReader } from '../store/group-reader';
import { inWords } from '../hatchet/declared-timeout';
import type { EngineClient, RunState, UntakenRun } from '../hatchet/client';
import type { Commands } from './commands';
import type { Repairs } from './repairs';
import type { TaskRegistry } from './task-registry';

/**
 * The pauses before each query of the engine's history, which lags behind, in ms; and the number of checks of a run after
 * which a missing history is ignored.
 */
const askMs = [0, 300, 700];
const mostLooks = 10;

/** A run of an entry. */
export interface EntryRun {
  groupId: string;
  entry: string;
  runId: string;
  task: string;
}

/** The fate of an entry whose run ended before a worker took it. */
export type Fate =
  | { code: 'fails'; message: string }
  /** It is granted again, unless another process has handled it. */
  | { code: 'goes on' }
  /** Its group starts nothing any more, so it never starts. */
  | { code: 'is cancelled' };

/**
 * Entries whose runs no worker took within the engine's schedule timeout. They have only waited too long for a worker, so
 * they are published again, unless their task declares a schedule timeout.
 */
export class UntakenRuns {
  private readonly looks = new RecentMap<number>(1_000);

  constructor(
    private readonly engine: EngineClient,
    private readonly reader: GroupReader,
    private readonly registry: TaskRegistry,
    private readonly commands: Commands,
    private readonly repairs: Repairs,
  ) {}

  /**
   * Decides about a run that the engine cancelled.
   * @returns undefined when it did not end for lack of a worker
   */
  async fateOf(run: EntryRun, state: RunState): Promise<Fate | undefined> {
    const { groupId, entry, runId, task } = run;
    if (!state.known || state.end?.status !== 'CANCELLED' || state.end.error || !state.tasks?.length) return undefined;
    const active = await this.reader.activeEntry(groupId, entry);
    const confirmed = active?.state === 'published' && active.run === runId;
    // An entry whose body has begun is handled elsewhere, and a run that is not the entry's own is ignored.
    if (!active || !(confirmed || active.state === 'granted')) return undefined;
    const untaken = await this.ask(runId, state.tasks);
    if (untaken === 'unknown') return { code: 'goes on' };
    if (!untaken || (untaken.begun && (await this.registry.handlerKind(task)) !== 'task')) return undefined;
    const declared = await this.declared(run);
    if (declared !== undefined)
      return { code: 'fails', message: `no worker took it within ${declared}, its scheduleTimeout: its run timed out` };
    // This run may belong to an earlier publication. It is handled when it is confirmed, or after the entry's lease.
    if (!confirmed) return { code: 'goes on' };
    return this.publishAgain(run, active, untaken);
  }

  private async publishAgain(
    run: EntryRun,
    active: { entry: string; run: string; process: string },
    { waitedMs }: UntakenRun,
  ) {
    const report = async ({ code, waitedMs: inAll }: { code: string; waitedMs: number }) => {
      if (code !== 'granted' || inAll <= 0) return;
      await this.repairs.warn(
        run,
        (who) => `no worker has taken ${run.task} for ${inWords(inAll)}: ${who} is published again`,
        'Start a worker that serves it, or give those that do more slots.',
      );
    };
    const reply = await this.commands.regrantUntaken(run.groupId, active, waitedMs, report);
    if (reply.code === 'over')
      return { code: 'fails', message: `no worker took it within ${inWords(reply.waitedMs)}` } as const;
    if (reply.code === 'stopped') return { code: 'is cancelled' } as const;
    return { code: 'goes on' } as const;
  }

  /**
   * Queries the history of a run. If the history is missing after `mostLooks` checks, only the state of the run itself
   * counts.
   */
  private async ask(runId: string, tasks: readonly string[]): Promise<UntakenRun | 'unknown' | undefined> {
    for (const delay of askMs) {
      if (delay > 0) await pause(this.reader.clock, delay);
      const untaken = await this.engine.untaken(tasks);
      if (untaken !== 'unknown') return untaken;
    }
    const looks = (this.looks.get(runId) ?? 0) + 1;
    this.looks.set(runId, looks);
    return looks < mostLooks ? 'unknown' : undefined;
  }

  /** The schedule timeout of the declaration that the entry was made from, or of the one that a worker serves. */
  private async declared({ groupId, entry, task }: EntryRun): Promise<string | undefined> {
    return (await this.reader.head(groupId, entry))?.scheduleTimeout ?? (await this.registry.scheduleTimeout(task));
  }
}
