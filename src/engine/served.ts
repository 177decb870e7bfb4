import type { GroupStore } from '../store/group-store';

/** What reports the end of a name's runs: its wrapper, or (for workflows of several tasks) whoever watches. */
export type ServedAs = 'task' | 'workflow';

const rememberedMs = 30_000;

/** Which names wrapped workers serve, in this process and in others. */
export class Served {
  private readonly local = new Map<string, ServedAs>();
  private remote = new Map<string, string>();
  private readAt = -Infinity;

  constructor(private readonly store: GroupStore) {}

  /** Notes what this process declares, and serves when it runs a worker. */
  declare(name: string, as: ServedAs): void {
    this.local.set(name.toLowerCase(), as);
  }

  /** Tells other processes what this one serves; repeated while it does. */
  async announce(): Promise<void> {
    if (this.local.size === 0) return;
    const key = this.store.keys.served();
    await this.store.redis.use('hset', (client) =>
      Promise.all([client.hset(key, ...[...this.local].flat()), client.pexpire(key, this.store.settings.abandonedMs)]),
    );
  }

  /** Whether the runs of a name report their ends themselves, as this process serves them. */
  reportsHere(name: string): boolean {
    return this.local.get(name.toLowerCase()) === 'task';
  }

  /** How runs of a name are served, as far as is known; undefined for names that only other code serves. */
  async as(name: string): Promise<ServedAs | undefined> {
    const lower = name.toLowerCase();
    const local = this.local.get(lower);
    if (local) return local;
    if (performance.now() - this.readAt > rememberedMs) {
      const all = await this.store.redis.use('hgetall', (client) => client.hgetall(this.store.keys.served()));
      this.remote = new Map(Object.entries(all));
      this.readAt = performance.now();
    }
    return this.remote.get(lower) as ServedAs | undefined;
  }
}
