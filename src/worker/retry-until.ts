import { NonRetryableError, type Context } from '@hatchet-dev/typescript-sdk';
import { retry } from '../utils/retry';
import { isLasting } from '../config/errors';
import { betweenFaultPoints } from '../utils/fault-points';
import type { MageflowLogger } from '../config/options';
import { messageOf } from '../utils/error-message';

const refreshSeconds = 15;

/** Does again, at the start of a run, what the store or the engine refused, as long as the run's own time allows. */
export class Persistence {
  private giveUpAt: number;
  private refreshedUntil = -Infinity;

  constructor(
    private readonly logger: MageflowLogger,
    private readonly about: { name: string; timeoutMs: number },
    private readonly ctx: Context<unknown>,
  ) {
    // The time is kept here too: a worker that is stopping hears nothing of the engine's timeout.
    this.giveUpAt = performance.now() + about.timeoutMs;
  }

  /**
   * Waits a moment, which counts against nobody's time: the engine gives the run as much more.
   * @throws what aborts the run
   */
  async pause(ms: number): Promise<void> {
    const { signal } = this.ctx.abortController;
    const began = performance.now();
    // Ahead of its time, and seldom.
    if (began + 2 * ms > this.refreshedUntil) {
      await betweenFaultPoints('engine', 'refreshTimeout', () => this.ctx.refreshTimeout(`${refreshSeconds}s`));
      this.refreshedUntil = Math.max(this.refreshedUntil, began) + refreshSeconds * 1000;
    }
    await abortable(ms, signal);
    this.giveUpAt += performance.now() - began;
  }

  retryUntil<T>(what: string, action: () => Promise<T>): Promise<T> {
    return retry(action, (refusal, attempt) => this.wait(what, refusal, attempt));
  }

  private wait(what: string, refusal: unknown, attempt: number): Promise<void> {
    const { signal } = this.ctx.abortController;
    const over = refusal instanceof NonRetryableError || isLasting(refusal);
    if (over || signal.aborted || performance.now() > this.giveUpAt) throw refusal;
    if (attempt % 10 === 0) this.logger.warn(`${this.about.name} waits ${what}: ${messageOf(refusal)}`);
    return abortable(Math.min(2_000, 100 * 2 ** attempt), signal);
  }
}

function abortable(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = () => {
      clearTimeout(timer);
      reject(signal.reason as Error);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    }, ms);
    signal.addEventListener('abort', onAbort, { once: true });
  });
}
