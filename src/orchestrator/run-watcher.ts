import type { Timer } from '../utils/clock';
import type { Settings } from '../config/options';
import { messageOf } from '../utils/error-message';
import type { EngineClient } from '../hatchet/client';
import type { Published } from './outbox';
import type { TaskRegistry } from './task-registry';
import type { RunReconciler } from './run-reconciler';

/** How long after its publication a run that the engine does not have counts as never created, in ms. */
const existsAfterMs = 2_000;

/**
 * Watches the runs that no wrapper reports: workflows of several tasks, and tasks that only other code serves. The
 * reconciler completes such runs too, so a failure here only costs time.
 */
export class RunWatcher {
  private closed = false;
  private readonly timers = new Set<Timer>();

  constructor(
    private readonly engine: EngineClient,
    private readonly registry: TaskRegistry,
    private readonly runReconciler: RunReconciler,
    private readonly settings: Pick<Settings, 'clock' | 'logger'>,
  ) {}

  published(run: Published): void {
    if (this.registry.reportsHere(run.task)) return;
    void this.watch(run).catch((error: unknown) => {
      if (!this.closed)
        this.settings.logger.warn(
          `can't watch run ${run.runId} of ${run.task}; the reconciler will ask for its end: ${messageOf(error)}`,
        );
    });
  }

  close(): void {
    this.closed = true;
    for (const timer of this.timers) timer.cancel();
  }

  private async watch({ groupId, entry, runId, task }: Published): Promise<void> {
    if ((await this.registry.reports(task)) || this.closed) return;
    const kind = await this.registry.handlerKind(task);
    const completeIfEnded = () => this.runReconciler.completeIfEnded(groupId, entry, runId, task);
    if (kind !== 'workflow') {
      let state = await completeIfEnded();
      if (!state.known) {
        await this.after(existsAfterMs);
        if (this.closed) return;
        state = await completeIfEnded();
      }
      if (!state.known) {
        await this.runReconciler.failIfUnknownName(groupId, entry, runId, task);
        return;
      }
      if (state.end || this.closed) return;
    }
    await this.engine.whenEnded(runId);
    if (!this.closed) await completeIfEnded();
  }

  private after(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.settings.clock.timeout(() => {
        this.timers.delete(timer);
        resolve();
      }, ms);
      timer.unref();
      this.timers.add(timer);
    });
  }
}
