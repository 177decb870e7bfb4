import type { GroupStore } from './group-store';
import { isSuspended } from './item-state';
import { callbackField, field } from './scripts.generated';

/** The suspension of a group, with the version of its last suspend or resume. */
export interface Suspension {
  suspended: boolean;
  version: string;
  /** How often there was a suspend or resume that the groups below have to follow. */
  epoch: string;
  /** How often the group was retried. */
  round: number;
}

/** Reads the suspensions of groups and entries. */
export class Suspensions {
  constructor(private readonly store: GroupStore) {}

  /** Returns the suspension of a group and its round. */
  async of(id: string): Promise<Suspension | undefined> {
    const key = this.store.keys.state(id);
    const [status, flags, version, epoch, round] = await this.store.redis.use('hmget', (client) =>
      client.hmget(key, field.status, field.flags, field.suspensionVersion, field.suspensionEpoch, field.round),
    );
    if (!status) return undefined;
    const numbers = { epoch: epoch ?? '0', round: Number(round ?? 0) };
    return { suspended: isSuspended(flags), version: version ?? '0', ...numbers };
  }

  /** Returns the suspension of one entry; undefined when it was never suspended or resumed individually. */
  async ofEntry(id: string, entry: string): Promise<{ suspended: boolean; version: string } | undefined> {
    const key = this.store.keys.callbacks(id);
    const version = await this.store.redis.use('hget', (client) =>
      client.hget(key, `${callbackField.entrySuspension}${entry}`),
    );
    return version ? { suspended: !version.startsWith('-'), version: version.replace('-', '') } : undefined;
  }

  /** Returns whether a run of an entry is void. */
  async isVoid(id: string, entry: string, runId: string): Promise<boolean> {
    const key = this.store.keys.callbacks(id);
    const runs = await this.store.redis.use('hget', (client) => client.hget(key, `${callbackField.voidRuns}${entry}`));
    return runs?.split(' ').includes(runId) ?? false;
  }

  /** Returns whether an entry is suspended individually. */
  async isSuspendedItself(id: string, entry: string): Promise<boolean> {
    const [alone, whole] = await Promise.all([this.ofEntry(id, entry), this.of(id)]);
    return alone !== undefined && alone.suspended && Number(alone.version) > Number(whole?.version);
  }
}
