import { leftAloneMs } from '../config/options';
import type { GroupStore } from '../store/group-store';
import { ServedNames, type ServedTask } from '../store/served-names';

/**
 * How the ends of a name's runs are reported: by the wrapper, or (for workflows of several tasks) by the process that
 * watches the run.
 */
export type HandlerKind = ServedTask['kind'];

const rememberedMs = 30_000;

interface Announced {
  kind: HandlerKind;
  /** Until when the name counts as served, in this process's time. */
  until: number;
  scheduleTimeout: string | undefined;
}

/** The names that wrapped workers serve, in this process and in others. */
export class TaskRegistry {
  private readonly local = new Map<string, HandlerKind>();
  private readonly timeouts = new Map<string, () => string | undefined>();
  private remote = new Map<string, Announced>();
  private readAgainAt = 0;

  private readonly served: ServedNames;

  constructor(private readonly store: GroupStore) {
    this.served = new ServedNames(store);
  }

  /**
   * Registers a name that this process declares, and serves when it runs a worker.
   * @param scheduleTimeout - returns the time for which the declaration lets its runs wait for a worker, if it sets one
   */
  declare(name: string, kind: HandlerKind, scheduleTimeout: () => string | undefined = () => undefined): void {
    this.local.set(name.toLowerCase(), kind);
    this.timeouts.set(name.toLowerCase(), scheduleTimeout);
  }

  /** Announces the names that this process serves to other processes. It is repeated while they are served. */
  async announce(): Promise<void> {
    if (this.local.size === 0) return;
    const served = [...this.local].map(([name, kind]) => {
      const scheduleTimeout = this.timeouts.get(name)?.() ?? '';
      return { name, kind, scheduleTimeout };
    });
    await this.served.announce(served, leftAloneMs(this.store.settings));
  }

  /** Returns whether this process serves a name, so that the name's runs report their own ends. */
  reportsHere(name: string): boolean {
    return this.local.get(name.toLowerCase()) === 'task';
  }

  /** How wrapped workers serve a name, or last served it; undefined for names that only other code serves. */
  async handlerKind(name: string): Promise<HandlerKind | undefined> {
    const lower = name.toLowerCase();
    return this.local.get(lower) ?? (await this.announced(lower))?.kind;
  }

  /** Returns whether wrapped workers serve a name at present, so that its runs report that they begin and end. */
  async reports(name: string): Promise<boolean> {
    const lower = name.toLowerCase();
    const local = this.local.get(lower);
    if (local) return local === 'task';
    const announced = await this.announced(lower);
    return announced?.kind === 'task' && announced.until > this.store.clock.elapsed();
  }

  /** For how long the runs of a name may wait for a worker, if a wrapped declaration in any process sets it. */
  async scheduleTimeout(name: string): Promise<string | undefined> {
    const lower = name.toLowerCase();
    return this.timeouts.get(lower)?.() ?? (await this.announced(lower))?.scheduleTimeout;
  }

  /** Returns whether a process serves any name at present. */
  async hasWorkers(): Promise<boolean> {
    const names = await this.served.read();
    return names.some(({ leftMs }) => leftMs > 0);
  }

  private async announced(lower: string): Promise<Announced | undefined> {
    const { leaseMs } = this.store.settings;
    if (this.store.clock.elapsed() >= this.readAgainAt) {
      const before = this.store.clock.elapsed();
      const served = await this.served.read();
      this.remote = new Map(
        served.map(({ name, kind, leftMs, scheduleTimeout }) => [
          name,
          { kind, until: before + leftMs, scheduleTimeout: scheduleTimeout || undefined },
        ]),
      );
      // Read again before an announcement that is made now could expire.
      this.readAgainAt = before + Math.min(rememberedMs, 3 * leaseMs);
    }
    return this.remote.get(lower);
  }
}
