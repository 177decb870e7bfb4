import { forEachConcurrently } from '../utils/for-each-concurrently';
import { messageOf } from '../utils/error-message';
import type { GroupStore } from '../store/group-store';
import type { NextStart } from '../store/script-calls';
import type { Commands } from './commands';
import { GroupTimers } from './group-timers';
import type { Repairs } from './repairs';

const handedOverAtOnce = 50;

/**
 * Starts items whose time has come: those that wait for their group's rate limit or for the end of a pause, and callbacks
 * that asked to run again later. One process plans this for a group; the reconciler does it a lease later when that process
 * is gone.
 */
export class NextStarts {
  private readonly groups: GroupTimers;
  private readonly callbacks: GroupTimers;
  /** For which time of Redis each of the groups is planned. */
  private readonly times = new Map<string, number>();

  constructor(
    private readonly store: GroupStore,
    private readonly commands: Commands,
    private readonly repairs: Repairs,
  ) {
    this.groups = new GroupTimers(store.clock, (groupId) => void this.log(groupId, this.start(groupId)));
    this.callbacks = new GroupTimers(store.clock, (key) => {
      const [groupId = '', entry = ''] = key.split(' ');
      void this.log(groupId, this.publish(groupId, entry));
    });
  }

  plan(groupId: string, { inMs, at }: NextStart): void {
    if (this.groups.set(groupId, inMs)) this.times.set(groupId, at);
  }

  planCallback(groupId: string, entry: string, inMs: number): void {
    this.callbacks.set(`${groupId} ${entry}`, inMs);
  }

  /** Drops the timer of a group that has ended. */
  drop(groupId: string): void {
    this.groups.drop(groupId);
    this.times.delete(groupId);
  }

  /** Leaves what it had planned to the reconcilers of other processes. */
  async close(): Promise<void> {
    this.callbacks.close();
    await forEachConcurrently(handedOverAtOnce, this.groups.close().values(), async ([groupId, leftMs]) => {
      try {
        await this.store.register(groupId, leftMs);
      } catch (error) {
        const { logger } = this.store.settings;
        logger.warn(`could not hand over the next start in group ${groupId}; it comes later: ${messageOf(error)}`);
      }
    });
  }

  private async start(groupId: string): Promise<void> {
    const at = this.times.get(groupId);
    this.times.delete(groupId);
    await this.commands.grant(groupId, at);
  }

  private async publish(groupId: string, entry: string): Promise<void> {
    const granted = { entry, state: 'granted', process: '', runId: '' };
    const { published } = await this.commands.regrantSome(groupId, [granted]);
    await published;
  }

  private log(groupId: string, work: Promise<void>): Promise<void> {
    return this.repairs.logAndContinue(
      async () => `the next start in ${await this.repairs.names.group(groupId)}`,
      work,
    );
  }
}
