import { NonRetryableError } from '@hatchet-dev/typescript-sdk';
import type { Claim } from '../hatchet/metadata';
import { sentReferencesIn } from '../orchestrator/run-inputs';
import type { Message } from '../messages/json';
import { RecentMap } from '../utils/recent-map';
import type { GroupStore } from '../store/group-store';

const remembered = 500;
const shownLength = 100;

/** Runs whose metadata have a claim that is not in this instance's store. */
export class UnknownClaims {
  private readonly logged = new RecentMap<true>(remembered);

  constructor(private readonly store: GroupStore) {}

  /** Logs that such a run is treated as a plain one, once for each group. */
  note(claim: Claim, task: string, runId: string): void {
    // The length is limited, because metadata can be forged.
    const group = claim.groupId.slice(0, shownLength);
    if (this.logged.get(group)) return;
    this.logged.set(group, true);
    this.store.settings.logger.warn(
      `run ${runId} of ${task} claims to be entry ${claim.entry} of ${group}, which is not in ${this.place}. It runs as a plain run, and its group is not updated. ${remedy}`,
    );
  }

  /**
   * Refuses an input with references to another store, because a body would take the references for data.
   * @throws NonRetryableError
   */
  refuseReferences(input: unknown, task: string): void {
    const fields = sentReferencesIn((input ?? {}) as Message);
    if (fields.length === 0) return;
    throw new NonRetryableError(
      `${task}: expected the whole input, got references to values that are not in ${this.place} (${fields.join(', ')}). ${remedy}`,
    );
  }

  private get place(): string {
    return `the store of this process (keys below ${this.store.keys.base})`;
  }
}

const remedy =
  'Either it was published through another Redis, keyPrefix or Hatchet namespace: give both processes the same ones. Or the retention of its group has passed: raise retention.finishedMs, and start the work again instead of replaying the run.';
