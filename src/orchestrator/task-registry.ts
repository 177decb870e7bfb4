import type { GroupStore } from '../store/group-store';

/** What reports the end of a name's runs: its wrapper, or (for workflows of several tasks) whoever watches. */
export type HandlerKind = 'task' | 'workflow';

const rememberedMs = 30_000;

interface Announced {
  kind: HandlerKind;
  /** Until when it counts as served, in the time of this process. */
  until: number;
  scheduleTimeout: string | undefined;
}

/** Which names wrapped workers serve, in this process and in others. */
export class TaskRegistry {
  private readonly local = new Map<string, HandlerKind>();
  private readonly timeouts = new Map<string, () => string | undefined>();
  private remote = new Map<string, Announced>();
  private readAgainAt = 0;

  constructor(private readonly store: GroupStore) {}

  /**
   * Notes what this process declares, and serves when it runs a worker.
   * @param scheduleTimeout - for how long the declaration lets its runs wait for a worker, if it says so
   */
  declare(name: string, kind: HandlerKind, scheduleTimeout: () => string | undefined = () => undefined): void {
    this.local.set(name.toLowerCase(), kind);
    this.timeouts.set(name.toLowerCase(), scheduleTimeout);
  }

  /** Tells other processes what this one serves; repeated while it does. */
  async announce(): Promise<void> {
    if (this.local.size === 0) return;
    const { leaseMs, reconcileIntervalMs, abandonedMs } = this.store.settings;
    // More than one announcement may come late.
    const countsForMs = 3 * leaseMs + 2 * reconcileIntervalMs;
    const names = [...this.local].flatMap(([name, kind]) => [name, kind, this.timeouts.get(name)?.() ?? '']);
    await this.store.redis.call('announce', [this.store.keys.served()], [countsForMs, abandonedMs, ...names]);
  }

  /** Whether the runs of a name report their ends themselves, as this process serves them. */
  reportsHere(name: string): boolean {
    return this.local.get(name.toLowerCase()) === 'task';
  }

  /** How runs of a name are, or were last, served by wrapped workers; undefined for names that only other code serves. */
  async handlerKind(name: string): Promise<HandlerKind | undefined> {
    const lower = name.toLowerCase();
    return this.local.get(lower) ?? (await this.announced(lower))?.kind;
  }

  /** Whether wrapped workers serve a name at present, so that its runs report themselves that they begin and end. */
  async reports(name: string): Promise<boolean> {
    const lower = name.toLowerCase();
    const local = this.local.get(lower);
    if (local) return local === 'task';
    const announced = await this.announced(lower);
    return announced?.kind === 'task' && announced.until > performance.now();
  }

  /** For how long the runs of a name may wait for a worker, where a wrapped declaration says so, in whichever process. */
  async scheduleTimeout(name: string): Promise<string | undefined> {
    const lower = name.toLowerCase();
    return this.timeouts.get(lower)?.() ?? (await this.announced(lower))?.scheduleTimeout;
  }

  private async announced(lower: string): Promise<Announced | undefined> {
    const { leaseMs, abandonedMs } = this.store.settings;
    if (performance.now() >= this.readAgainAt) {
      const before = performance.now();
      const all = (await this.store.redis.call('served', [this.store.keys.served()], [abandonedMs])) as string[];
      this.remote = new Map();
      for (let i = 0; i + 3 < all.length; i += 4)
        this.remote.set(all[i] ?? '', {
          kind: all[i + 1] as HandlerKind,
          until: before + Number(all[i + 2]),
          scheduleTimeout: all[i + 3] || undefined,
        });
      // Before what is announced now could count no more.
      this.readAgainAt = before + Math.min(rememberedMs, 3 * leaseMs);
    }
    return this.remote.get(lower);
  }
}
