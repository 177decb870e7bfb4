import type { Control } from '../../api/open-control';
import type { Reader } from '../../api/open-reader';
import type { Mageflow } from '../../mageflow';
import { Cached } from '../../utils/cached';
import { systemClock } from '../../utils/clock';
import { whoTellsTheEngine, type AloneAction } from '../actions';
import { hasToken, openControlling, openMage, openReading, type ConnectionOptions } from '../connection';

/** What `explain` and `doctor` ask. */
interface Asker {
  asker: Pick<Reader, 'explain' | 'doctor'>;
  /** Says what is left out without an engine. */
  note?: string;
}

/** The connections of a server. Each is opened by the first call that needs it, and all are closed at the end. */
export class Session {
  private readonly closers: (() => unknown)[] = [];
  private readonly reading = this.opened(() => openReading(this.options));
  private readonly controlling = this.opened(() => openControlling(this.options));
  private readonly instance = this.opened(() => openMage(this.options, 'mcp'));

  constructor(readonly options: ConnectionOptions) {}

  /** Whether calls can ask the engine. */
  get hasEngine(): boolean {
    return hasToken(this.options);
  }

  /** @throws ConfigurationError */
  reader(): Promise<Reader> {
    return this.reading.get();
  }

  /** @param what - the tool, for the error. @throws UsageError without a token, ConfigurationError */
  async mage(what: string): Promise<Mageflow> {
    // Without a token it throws, with the name of the tool.
    return this.hasEngine ? this.instance.get() : openMage(this.options, what);
  }

  /** Asks with the engine's help if a token is set, otherwise with Redis alone. */
  async asker(what: string): Promise<Asker> {
    if (this.hasEngine) return { asker: await this.mage(what) };
    const note = 'The engine was not asked, because this server has no HATCHET_CLIENT_TOKEN.';
    return { asker: await this.reader(), note };
  }

  /** Returns a function that changes a group: the engine is told at once with a token, and otherwise by the workers. */
  async alone(what: AloneAction): Promise<{ act: (id: string) => Promise<unknown>; note?: string }> {
    if (this.hasEngine) {
      const mage = await this.mage(what);
      return { act: async (id) => (await mage.load(id))[what]() };
    }
    const control: Control = await this.controlling.get();
    const note = what === 'remove' ? {} : { note: await whoTellsTheEngine(control) };
    return { act: (id) => control[what](id), ...note };
  }

  /** Closes what was opened. */
  async close(): Promise<void> {
    await Promise.all(this.closers.map((close) => close()));
  }

  private opened<T extends { close(): unknown }>(open: () => Promise<T>): Cached<T> {
    return new Cached(systemClock, Infinity, async () => {
      const connection = await open();
      this.closers.push(() => connection.close());
      return connection;
    });
  }
}
