import { NonRetryableError, type Context } from '@hatchet-dev/typescript-sdk';
import { retry } from '../utils/retry';
import { isLasting } from '../config/errors';
import { betweenFaultPoints } from '../utils/fault-points';
import type { Settings } from '../config/options';
import { messageOf } from '../utils/error-message';

const refreshSeconds = 15;

/** Retries calls to the store and the engine at the start of a run, as long as the run's time limit allows. */
export class RetryUntilTimeout {
  private giveUpAt: number;
  private refreshedUntil = -Infinity;

  constructor(
    private readonly settings: Pick<Settings, 'clock' | 'logger'>,
    private readonly about: { name: string; timeoutMs: number },
    private readonly ctx: Context<unknown>,
  ) {
    // The time limit is checked here too, because a stopping worker does not receive the engine's timeout.
    this.giveUpAt = this.settings.clock.elapsed() + about.timeoutMs;
  }

  /**
   * Waits without using up the run's time: the engine extends the run's timeout accordingly.
   * @throws the reason that aborts the run
   */
  async pause(ms: number): Promise<void> {
    const { signal } = this.ctx.abortController;
    const began = this.settings.clock.elapsed();
    // Refreshes before the timeout is due, and rarely.
    if (began + 2 * ms > this.refreshedUntil) {
      await betweenFaultPoints('engine', 'refreshTimeout', () => this.ctx.refreshTimeout(`${refreshSeconds}s`));
      this.refreshedUntil = Math.max(this.refreshedUntil, began) + refreshSeconds * 1000;
    }
    await this.abortable(ms, signal);
    this.giveUpAt += this.settings.clock.elapsed() - began;
  }

  retry<T>(what: string, action: () => Promise<T>): Promise<T> {
    return retry(action, (refusal, attempt) => this.wait(what, refusal, attempt));
  }

  private wait(what: string, refusal: unknown, attempt: number): Promise<void> {
    const { signal } = this.ctx.abortController;
    const over = refusal instanceof NonRetryableError || isLasting(refusal);
    if (over || signal.aborted || this.settings.clock.elapsed() > this.giveUpAt) throw refusal;
    if (attempt % 10 === 0) this.settings.logger.warn(`${this.about.name} waits ${what}: ${messageOf(refusal)}`);
    return this.abortable(Math.min(2_000, 100 * 2 ** attempt), signal);
  }

  private abortable(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        timer.cancel();
        reject(signal.reason as Error);
      };
      const timer = this.settings.clock.timeout(() => {
        signal.removeEventListener('abort', onAbort);
        resolve();
      }, ms);
      signal.addEventListener('abort', onAbort, { once: true });
    });
  }
}
