import { StoreFormatError } from '../config/errors';
import { leftAloneMs } from '../config/options';
import type { Timer } from '../utils/clock';
import { forEachConcurrently } from '../utils/for-each-concurrently';
import { messageOf } from '../utils/error-message';
import { withTimeout } from '../utils/timeout';
import { DueIndex } from '../store/due-index';
import type { GroupStore } from '../store/group-store';
import type { GroupReconciler } from './group-reconciler';
import type { Heartbeat } from './heartbeat';
import type { Repairs } from './repairs';
import type { RunRecovery } from './run-recovery';
import type { TaskRegistry } from './task-registry';

/** How many groups are reconciled at once. */
const groupsAtOnce = 50;

/** The parts that each pass of the reconciler uses. */
export interface ReconcilerParts {
  readonly store: GroupStore;
  readonly registry: TaskRegistry;
  readonly recovery: RunRecovery;
  readonly heartbeat: Heartbeat;
  readonly repairs: Repairs;
}

/**
 * The loop that completes work that no other process completes. It asks the engine about entries whose lease has expired,
 * and takes over entries that a dead process had to publish. It runs in the processes of workers; one of them at a time
 * handles a group.
 */
export class Reconciler {
  private timer: Timer | undefined;
  private heartbeatTimer: Timer | undefined;
  private running: Promise<void> = Promise.resolve();
  private users = 0;
  /** Counts the starts, so that a stopped loop can detect that another one has replaced it. */
  private loop = 0;
  private readonly busy = new Set<string>();
  private readonly refusals = new Set<(error: StoreFormatError) => void>();
  private readonly groups: GroupReconciler;

  /** @param groups - makes the part that handles one group; it receives a function that returns whether the loop goes on */
  constructor(
    private readonly parts: ReconcilerParts,
    groups: (goesOn: () => boolean) => GroupReconciler,
  ) {
    this.groups = groups(() => this.users > 0);
  }

  /** Starts the loop, if it does not run yet. Each start needs a stop. */
  start(): void {
    this.users += 1;
    if (this.users !== 1) return;
    this.loop += 1;
    this.schedule(this.loop, 0);
    // The heartbeat has its own timer: a slow pass must not make this process look dead.
    const { clock, settings } = this.parts.store;
    this.heartbeatTimer = clock.interval(() => void this.beat(), settings.leaseMs / 3);
  }

  async stop(): Promise<void> {
    if (this.users === 0) return;
    this.users -= 1;
    if (this.users === 0) await this.close();
  }

  /**
   * Calls a listener when the store has a newer format than this version reads.
   * @returns a function that removes the listener
   */
  onRefused(listener: (error: StoreFormatError) => void): () => void {
    this.refusals.add(listener);
    return () => void this.refusals.delete(listener);
  }

  /** Stops the loop for good, however often it was started. */
  async close(): Promise<void> {
    this.users = 0;
    this.timer?.cancel();
    this.heartbeatTimer?.cancel();
    await this.running;
  }

  private schedule(loop: number, delay: number): void {
    this.timer = this.parts.store.clock.timeout(() => {
      this.running = this.running
        // The timer may belong to a loop that was stopped meanwhile.
        .then(() => (this.loop === loop && this.users > 0 ? this.pass() : undefined))
        .catch((error: unknown) => this.passFailed(error))
        .then(() => {
          // Random intervals spread processes that were started together, so that they don't all query Redis at once.
          if (this.loop === loop && this.users > 0)
            this.schedule(loop, this.parts.store.settings.reconcileIntervalMs * (0.75 + Math.random() / 4));
        });
    }, delay);
  }

  private passFailed(error: unknown): void {
    if (error instanceof StoreFormatError) for (const refused of this.refusals) refused(error);
    this.parts.store.settings.logger.warn(`a pass of the reconciler failed, the next one retries: ${messageOf(error)}`);
  }

  private async pass(): Promise<void> {
    // Another process may have raised the format since this one connected. It must then write nothing more.
    await this.parts.store.recheckFormat();
    // Not awaited: it may wait for the engine, and the rest of the pass must not.
    void this.parts.recovery.ready();
    await Promise.all([this.parts.heartbeat.beat(), this.parts.registry.announce(), this.notePass()]);
    await this.parts.repairs.logAndContinue(
      async () => 'the index of the outermost groups',
      this.parts.store.topLevelIndex.sweep(),
    );
    await forEachConcurrently(groupsAtOnce, this.dueGroups(), ([index, id]) => this.reconcileGroupBriefly(index, id));
  }

  /** Shows others that this process reconciles. An error must not keep it from doing so. */
  private notePass(): Promise<void> {
    const { store, repairs } = this.parts;
    return repairs.logAndContinue(async () => 'the list of reconcilers', store.notePass(leftAloneMs(store.settings)));
  }

  private async *dueGroups(): AsyncGenerator<[index: string, id: string]> {
    const dueIndex = new DueIndex(this.parts.store);
    for (const index of dueIndex.shards()) {
      for (;;) {
        const due = await dueIndex.take(index, groupsAtOnce);
        for (const id of due) yield [index, id];
        if (due.length < groupsAtOnce || this.users === 0) break;
      }
    }
  }

  private beat(): Promise<void> {
    return this.parts.repairs.logAndContinue(async () => 'the heartbeat', this.parts.heartbeat.beat());
  }

  /**
   * Waits for one group for at most a lease, because a slow one (the engine accepts no runs, for example) must not delay the
   * others. Its work continues, and the group is skipped until that work has ended.
   */
  private async reconcileGroupBriefly(index: string, id: string): Promise<void> {
    if (this.busy.has(id)) return;
    this.busy.add(id);
    const work = this.parts.repairs
      .logAndContinue(() => this.parts.repairs.names.group(id), this.groups.reconcile(index, id))
      .finally(() => this.busy.delete(id));
    const { clock, settings } = this.parts.store;
    await withTimeout(clock, { who: id, ms: settings.leaseMs }, work).catch(() => undefined);
  }
}
