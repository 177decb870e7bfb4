import type { Events } from '../config/events';
import type { Settings } from '../config/options';
import type { GroupReader } from '../store/group-reader';
import { messageOf } from '../utils/error-message';
import { RecentMap } from '../utils/recent-map';
import { NameReader } from './name-reader';

/** An entry of a group. */
interface EntryPlace {
  groupId: string;
  entry: string;
}

/** Logs what the reconciler does and what fails of it, and emits repairs. */
export class Repairs {
  readonly names: NameReader;
  private readonly warnedAt = new RecentMap<number>(1_000);

  constructor(
    reader: GroupReader,
    private readonly events: Events,
    private readonly settings: Pick<Settings, 'clock' | 'logger' | 'leaseMs'>,
  ) {
    this.names = new NameReader(reader);
  }

  /** Emits a repair. @param message - receives the name of the entry, which is read only when somebody listens */
  async report({ groupId, entry }: EntryPlace, message: (who: string) => string): Promise<void> {
    if (!this.events.hasListener('repair')) return;
    const who = await this.names.entry(groupId, entry);
    this.events.emit('repair', { groupId, entry, message: message(who) });
  }

  /** Logs and emits repairs of several entries of a group. */
  async reportAll<E extends { entry: string }>(
    groupId: string,
    repaired: readonly E[],
    message: (who: string, one: E) => string,
  ): Promise<void> {
    const names = await this.names.entries(
      groupId,
      repaired.map(({ entry }) => entry),
    );
    repaired.forEach((one, i) => {
      const text = message(names[i] ?? '', one);
      this.settings.logger.info(text);
      this.events.emit('repair', { groupId, entry: one.entry, message: text });
    });
  }

  /**
   * Emits a repair, and logs the first one per group, task and lease as a warning: a thousand of them may have one cause.
   * @param hint - what to do about it, for the log
   */
  async warn(
    { groupId, entry, task }: EntryPlace & { task: string },
    message: (who: string) => string,
    hint: string,
  ): Promise<void> {
    const now = this.settings.clock.elapsed();
    const place = `${groupId} ${task}`;
    const isDue = now - (this.warnedAt.get(place) ?? -Infinity) >= this.settings.leaseMs;
    if (isDue) this.warnedAt.set(place, now);
    // Reading the entry's name costs a call to Redis.
    else if (!this.events.hasListener('repair')) return;
    const text = message(await this.names.entry(groupId, entry));
    if (isDue) this.settings.logger.warn(`${text}. ${hint}`);
    this.events.emit('repair', { groupId, entry, message: text });
  }

  /** Logs that a group could not be cancelled at its deadline. The reconciler will cancel it. */
  async reportMissedDeadline(groupId: string, error: unknown): Promise<void> {
    const who = await this.names.group(groupId);
    this.settings.logger.warn(`could not cancel ${who} after its timeoutMs; the reconciler will: ${messageOf(error)}`);
  }

  /**
   * Logs an error of the work instead of throwing it.
   * @param name - called only after an error; not awaited, because Redis may be unavailable
   */
  async logAndContinue(name: () => Promise<string>, work: Promise<void>): Promise<void> {
    try {
      await work;
    } catch (error) {
      void name().then((what) =>
        this.settings.logger.warn(`reconciling ${what} failed and will be retried: ${messageOf(error)}`),
      );
    }
  }
}
