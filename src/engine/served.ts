import type { GroupStore } from '../store/group-store';

/** What reports the end of a name's runs: its wrapper, or (for workflows of several tasks) whoever watches. */
export type ServedAs = 'task' | 'workflow';

const rememberedMs = 30_000;
/** Before a name, in the hash of names: for how long its runs may wait for a worker. No name begins like this. */
const timeoutOf = '\0';

/** Which names wrapped workers serve, in this process and in others. */
export class Served {
  private readonly local = new Map<string, ServedAs>();
  private readonly timeouts = new Map<string, () => string | undefined>();
  private remote = new Map<string, string>();
  private readAt = 0;

  constructor(private readonly store: GroupStore) {}

  /**
   * Notes what this process declares, and serves when it runs a worker.
   * @param scheduleTimeout - for how long the declaration lets its runs wait for a worker, if it says so
   */
  declare(name: string, as: ServedAs, scheduleTimeout: () => string | undefined = () => undefined): void {
    this.local.set(name.toLowerCase(), as);
    this.timeouts.set(name.toLowerCase(), scheduleTimeout);
  }

  /** Tells other processes what this one serves; repeated while it does. */
  async announce(): Promise<void> {
    if (this.local.size === 0) return;
    const key = this.store.keys.served();
    // The empty text of one that says nothing takes the place of what an earlier version of it said.
    const timeouts = [...this.timeouts].map(([name, of]): [string, string] => [timeoutOf + name, of() ?? '']);
    await this.store.redis.use('hset', (client) =>
      Promise.all([
        client.hset(key, ...[...this.local, ...timeouts].flat()),
        client.pexpire(key, this.store.settings.abandonedMs),
      ]),
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
    return (await this.announced()).get(lower) as ServedAs | undefined;
  }

  /** For how long the runs of a name may wait for a worker, where a wrapped declaration says so, in whichever process. */
  async scheduleTimeout(name: string): Promise<string | undefined> {
    const lower = name.toLowerCase();
    return this.timeouts.get(lower)?.() ?? ((await this.announced()).get(timeoutOf + lower) || undefined);
  }

  private async announced(): Promise<ReadonlyMap<string, string>> {
    if (Date.now() - this.readAt > rememberedMs) {
      const all = await this.store.redis.use('hgetall', (client) => client.hgetall(this.store.keys.served()));
      this.remote = new Map(Object.entries(all));
      this.readAt = Date.now();
    }
    return this.remote;
  }
}
