import { mageContext, type MageContext, type Progress, type Signature, type Swarm } from '../../src';
import { eventually, Fixture, gate, Gauge } from './fixture';

/** What a piece of work is told to do. */
export interface Work {
  label?: string;
  /** Waits at this gate before it ends. */
  hold?: string;
  /** Throws this. */
  fail?: string;
  /** Is given back. */
  value?: unknown;
  [field: string]: unknown;
}

/** One execution of a body. */
export interface Seen {
  input: Record<string, unknown>;
  context: MageContext | undefined;
}

/** Tasks for swarms to run, and what they saw: each test looks at what its own swarm ran. */
export class Workshop {
  readonly gauge = new Gauge();
  private readonly worked: Seen[] = [];
  private readonly reported: Seen[] = [];
  private readonly alerted: Seen[] = [];
  private readonly gates = new Map<string, { opened: Promise<void>; open: () => void }>();

  /** Does what its message says. */
  readonly work;
  /** A success callback that keeps what it gets. */
  readonly report;
  /** An error callback that keeps what it gets. */
  readonly alert;

  constructor(private readonly fixture: Fixture) {
    const { mage } = fixture;
    // A test that failed left its bodies waiting.
    fixture.onRelease(() => {
      for (const { open } of this.gates.values()) open();
    });
    this.work = mage.task({
      name: 'work',
      fn: async (input: Work) => {
        this.worked.push({ input, context: mageContext() });
        return this.gauge.during(async () => {
          if (input.hold) await this.gateOf(input.hold).opened;
          if (input.fail) throw new Error(input.fail);
          return { label: input.label ?? '', value: input.value ?? null };
        });
      },
    });
    this.report = mage.task({ name: 'report', fn: (input: Work) => keep(this.reported, input) });
    this.alert = mage.task({ name: 'alert', fn: (input: Work) => keep(this.alerted, input) });
  }

  get tasks() {
    return [this.work, this.report, this.alert];
  }

  /** Lets everything go on that is told to `hold` at this gate, now and later. */
  open(name: string): void {
    this.gateOf(name).open();
  }

  /** Bodies that a swarm's items ran, in the order in which they began. */
  ran(swarm: { id: string }): Seen[] {
    return of(this.worked, swarm);
  }

  labels(swarm: { id: string }): unknown[] {
    return this.ran(swarm).map(({ input }) => input.label);
  }

  reports(swarm: { id: string }): Seen[] {
    return of(this.reported, swarm);
  }

  alerts(swarm: { id: string }): Seen[] {
    return of(this.alerted, swarm);
  }

  /** Waits until this many bodies of a swarm have begun. */
  async begun(swarm: { id: string }, count: number): Promise<void> {
    await eventually(`${count} bodies have begun`, () => this.ran(swarm).length >= count);
  }

  /** Waits until a swarm has ended and so has every callback: from here on nothing more can happen to it. */
  async settled(swarm: { id: string }): Promise<void> {
    const over = async () => {
      const keys = (await this.fixture.keys()).filter((key) => key.includes(`{${swarm.id}}:g`));
      return keys.length === 1 && (await this.fixture.redis.pttl(keys[0] ?? '')) > 0 && isOver(await this.load(swarm));
    };
    await eventually('the swarm and its callbacks have ended', over, 240_000);
  }

  private async load({ id }: { id: string }): Promise<Progress> {
    return (await this.fixture.mage.load<Swarm<unknown>>(id)).progress();
  }

  private gateOf(name: string) {
    const known = this.gates.get(name) ?? gate();
    this.gates.set(name, known);
    return known;
  }
}

/** Waits until a swarm's progress shows these numbers, and gives all of it. */
export function progressOf(swarm: Swarm<any>, expected: Partial<Progress>): Promise<Progress> {
  return eventually(`progress ${JSON.stringify(expected)}`, async () => {
    const progress = await swarm.progress();
    const fits = Object.entries(expected).every(([field, value]) => progress[field as keyof Progress] === value);
    if (!fits) throw new Error(JSON.stringify(progress));
    return progress;
  });
}

/** Waits until a signature has a status. */
export async function statusOf(signature: Signature<any, any>, status: string): Promise<void> {
  await eventually(`${signature.name} is ${status}`, async () => (await signature.status()) === status);
}

/** What something rejects with. */
export async function rejection(promise: Promise<unknown>): Promise<Error> {
  return promise.then(
    (value) => {
      throw new Error(`Expected a rejection, got ${JSON.stringify(value)}`);
    },
    (error: unknown) => error as Error,
  );
}

function isOver({ status }: Progress): boolean {
  return status === 'succeeded' || status === 'failed' || status === 'cancelled';
}

function keep(list: Seen[], input: Record<string, unknown>): { kept: number } {
  list.push({ input, context: mageContext() });
  return { kept: list.length };
}

function of(list: readonly Seen[], { id }: { id: string }): Seen[] {
  return list.filter(({ context }) => context?.swarmId === id);
}

/** A workshop whose tasks a worker serves for as long as the suite lasts that calls this. */
export function openWorkshop() {
  const fixture = new Fixture();
  const workshop = new Workshop(fixture);
  beforeAll(async () => {
    await fixture.worker(workshop.tasks);
  });
  afterAll(() => fixture.close());
  const { work, report, alert } = workshop;
  return { fixture, workshop, mage: fixture.mage, work, report, alert };
}
