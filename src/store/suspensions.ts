import type { GroupStore } from './group-store';
import { isSuspended } from './item-state';

/** Whether a group is suspended, and the version of that word. */
export interface Suspension {
  suspended: boolean;
  version: string;
  /** How often something was said that the groups below have to hear. */
  epoch: string;
  /** How often it was tried again. */
  round: number;
}

/** Reads what was said of suspending groups and entries. */
export class Suspensions {
  constructor(private readonly store: GroupStore) {}

  /** What was last said of suspending a group, and how often it was tried again. */
  async of(id: string): Promise<Suspension | undefined> {
    const key = this.store.keys.state(id);
    const [status, flags, version, epoch, round] = await this.store.redis.use('hmget', (client) =>
      client.hmget(key, 'st', 'fl', 'sv', 'wv', 'rnd'),
    );
    if (!status) return undefined;
    const numbers = { epoch: epoch ?? '0', round: Number(round ?? 0) };
    return { suspended: isSuspended(flags), version: version ?? '0', ...numbers };
  }

  /** The same of one entry by itself; undefined when nothing was ever said of it. */
  async ofEntry(id: string, entry: string): Promise<{ suspended: boolean; version: string } | undefined> {
    const key = this.store.keys.callbacks(id);
    const said = await this.store.redis.use('hget', (client) => client.hget(key, `s:${entry}`));
    return said ? { suspended: !said.startsWith('-'), version: said.replace('-', '') } : undefined;
  }

  /** Whether a run of an entry counts no more. */
  async isVoid(id: string, entry: string, runId: string): Promise<boolean> {
    const key = this.store.keys.callbacks(id);
    const runs = await this.store.redis.use('hget', (client) => client.hget(key, `w:${entry}`));
    return runs?.split(' ').includes(runId) ?? false;
  }

  /** Whether an entry is suspended by itself. */
  async isSuspendedItself(id: string, entry: string): Promise<boolean> {
    const [alone, whole] = await Promise.all([this.ofEntry(id, entry), this.of(id)]);
    return alone !== undefined && alone.suspended && Number(alone.version) > Number(whole?.version);
  }
}
