import type { Timer } from '../utils/clock';
import { messageOf } from '../utils/error-message';
import type { GroupStore } from '../store/group-store';
import type { Canceller } from './canceller';
import type { Suspender } from './suspender';

const companyMs = 50;

/** Publications that the engine has accepted and that are not yet confirmed in Redis, by group. */
export class Confirmations {
  /** The run of each entry, by group. */
  private readonly waiting = new Map<string, Map<string, string>>();
  /** Confirmations that are being sent. */
  private readonly sent = new Set<Promise<void>>();
  private timer: Timer | undefined;

  constructor(
    private readonly store: GroupStore,
    private readonly suspender: Suspender,
    private readonly canceller: Canceller,
  ) {}

  add(groupId: string, entry: string, runId: string): void {
    const runs = this.waiting.get(groupId);
    if (runs) runs.set(entry, runId);
    else this.waiting.set(groupId, new Map([[entry, runId]]));
    this.timer ??= this.store.clock.timeout(() => void this.flush(), companyMs);
  }

  has(groupId: string, entry: string): boolean {
    return this.waiting.get(groupId)?.has(entry) === true;
  }

  /**
   * Drops the confirmation of a run that claims its entry, which confirms it too.
   * @returns whether the confirmation was waiting
   */
  drop(groupId: string, entry: string, runId: string): boolean {
    const runs = this.waiting.get(groupId);
    if (runs?.get(entry) !== runId) return false;
    runs.delete(entry);
    if (runs.size === 0) this.waiting.delete(groupId);
    return true;
  }

  /** Takes the waiting confirmations of a group. The caller must send them. */
  take(groupId: string): string[] {
    const runs = this.waiting.get(groupId);
    if (!runs) return [];
    this.waiting.delete(groupId);
    return [...runs].flat();
  }

  /** Sends all waiting confirmations. Resolves when the confirmations already being sent have arrived too. */
  async flush(): Promise<void> {
    this.timer?.cancel();
    this.timer = undefined;
    const all = [...this.waiting];
    this.waiting.clear();
    for (const [groupId, runs] of all) {
      const sending = this.send(groupId, [...runs].flat());
      const arrived = () => void this.sent.delete(sending);
      this.sent.add(sending);
      sending.then(arrived, arrived);
    }
    await Promise.all(this.sent);
  }

  /** @param pairs - entries and their run ids, in turns */
  private async send(groupId: string, pairs: readonly string[]): Promise<void> {
    try {
      const { effects } = await this.store.confirm(groupId, pairs);
      // The group was suspended or cancelled while these publications were in progress.
      const entries = pairs.filter((_, i) => i % 2 === 0);
      if (effects.suspended) await this.suspender.withdrawConfirmed(groupId, entries);
      if (effects.status === 'cancelling') await this.canceller.cancelSome(groupId, entries);
    } catch (error) {
      // Unconfirmed entries are published again when their lease expires, and the second run is a duplicate.
      this.store.settings.logger.warn(`could not confirm ${pairs.length / 2} publications: ${messageOf(error)}`);
    }
  }
}
