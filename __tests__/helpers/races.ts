import type { Context } from '@hatchet-dev/typescript-sdk';
import { mageContext, MageflowError, type Mageflow, type Signature, type Swarm, type SwarmConfig } from '../../src';
import { parseItemId } from '../../src/store/ids';
import { Fixture, Gauge } from './fixture';
import { Invariants, type Executions, type Expectation } from './invariants';
import { rounds, type Random } from './random';
import { sampled } from './thorough';

/** What one item does. */
export interface Step {
  [field: string]: unknown;
  /** Works this long, in ms, unless its run is cancelled. */
  ms?: number;
  /** Fails each time, or the first time only. */
  fail?: 'always' | 'once';
}

export type Shape = 'task' | 'swarm' | 'chain' | 'nested' | 'root';
export const shapes: readonly Shape[] = ['task', 'swarm', 'chain', 'nested', 'root'];

export interface Making {
  /** How many items it has; a nested one has groups besides. */
  size?: number;
  config?: SwarmConfig;
  /** How its items may fail. */
  fail?: Step['fail'];
  open?: boolean;
}

/** Groups of all kinds for races, what their bodies did, and two instances that do things to them at once. */
export class Races implements Executions {
  readonly fixture: Fixture;
  readonly mage: Mageflow;
  readonly other: Mageflow;
  readonly invariants: Invariants;
  private readonly begun = new Map<string, number>();
  private readonly given = new Map<string, number>();
  private readonly gauges = new Map<string, Gauge>();
  private readonly piece;
  private readonly report;
  private readonly alert;
  private readonly spawn;

  constructor() {
    // Long enough that no slow machine publishes anything twice, as of a process that is taken for dead.
    const options = { leaseMs: 10_000, reconcileIntervalMs: 300 };
    this.fixture = new Fixture(options);
    const { mage } = this.fixture;
    this.mage = mage;
    this.other = this.fixture.another(options);
    this.invariants = new Invariants(this.fixture, this);
    this.piece = mage.task({ name: 'piece', fn: (input: Step, ctx) => this.work(input, ctx) });
    this.report = mage.task({ name: 'report', fn: (_: Step, ctx) => this.end(this.begin(), ctx) });
    this.alert = mage.task({ name: 'alert', fn: (_: Step, ctx) => this.end(this.begin(), ctx) });
    this.spawn = mage.rootTask({
      name: 'spawn',
      maxConcurrency: 3,
      fn: async ({ steps }: { steps: Step[] }, ctx) => {
        const id = this.begin();
        for (const step of steps) await (await mage.sign(this.piece, step)).runNoWait({});
        return this.end(id, ctx);
      },
    });
    beforeAll(async () => {
      await this.fixture.worker([this.piece, this.report, this.alert, this.spawn]);
    });
    afterEach(() => {
      // Read once: what one test left is not the next one's.
      const lines = this.fixture.log.lines.splice(0);
      // All of them, when one is bad: what the reconciler did shows why.
      expect(lines.some((line) => !line.startsWith('info')) ? lines : []).toEqual([]);
    });
    afterAll(() => this.fixture.close());
  }

  began(id: string): number {
    return this.begun.get(id) ?? 0;
  }

  gave(id: string): number {
    return this.given.get(id) ?? 0;
  }

  most(groupId: string): number {
    return this.gauges.get(groupId)?.max ?? 0;
  }

  /** How many bodies have begun, of whatever. */
  get bodies(): number {
    let sum = 0;
    for (const count of this.begun.values()) sum += count;
    return sum;
  }

  /** How many rounds of a shape: fewer of what is made of many. */
  times(shape: Shape, count: number): number {
    return shape === 'nested' ? Math.ceil(count / 2) : count;
  }

  /** Runs rounds of a race, six at once; without `npm run faults`, some of them. */
  rounds(count: number, round: (random: Random, n: number) => Promise<void>, atOnce = 6): Promise<void> {
    return rounds(sampled(count), atOnce, round);
  }

  check(group: Signature<any, any>, expectation?: Expectation): Promise<string> {
    return this.invariants.check(group, expectation);
  }

  /** One of the two instances, by chance. */
  anyone(random: Random): Mageflow {
    return random.chance(0.5) ? this.mage : this.other;
  }

  step(random: Random, fail?: Step['fail']): Step {
    const fails = fail !== undefined && random.chance(0.4);
    return { ...(random.chance(0.5) ? { ms: random.int(1, 20) } : {}), ...(fails ? { fail } : {}) };
  }

  steps(random: Random, count: number, fail?: Step['fail']): Step[] {
    return Array.from({ length: count }, () => this.step(random, fail));
  }

  async make(random: Random, shape: Shape, making: Making = {}): Promise<Signature<any, any>> {
    const { size = 4, fail } = making;
    const callbacks = { successCallbacks: [this.report], errorCallbacks: [this.alert] };
    if (shape === 'task') return this.mage.sign(this.piece, this.step(random, fail), callbacks);
    if (shape === 'chain') {
      const steps = this.steps(random, Math.min(size, 4), fail);
      return this.mage.chain(await Promise.all(steps.map((step) => this.sign(random, step))), callbacks);
    }
    if (shape === 'root') return this.mage.sign(this.spawn, { steps: this.steps(random, size, fail) }, callbacks);
    if (shape === 'swarm') return this.swarm(random, making);
    const small = { ...making, size: 2, config: { maxConcurrency: 2 } };
    const below = await Promise.all(
      (['chain', 'swarm', 'root'] as const).map((kind) => this.make(random, kind, { ...small, open: false })),
    );
    return this.swarm(random, making, below);
  }

  async swarm(
    random: Random,
    { size = 4, fail, config, open }: Making = {},
    below: readonly Signature<any, any>[] = [],
  ): Promise<Swarm<any>> {
    const items = await Promise.all(this.steps(random, size, fail).map((step) => this.sign(random, step)));
    return this.mage.swarm({
      tasks: [...below, ...items].sort(() => random.next() - 0.5),
      successCallbacks: [this.report],
      errorCallbacks: [this.alert],
      config: { maxConcurrency: 3, ...config },
      isSwarmClosed: !open,
    });
  }

  async sign(random: Random, step: Step): Promise<Signature<any, any>> {
    const callbacks = random.chance(0.3) ? { successCallbacks: [this.report], errorCallbacks: [this.alert] } : {};
    return this.mage.sign(this.piece, step, callbacks);
  }

  /** Holds the bodies of a group until so many run at once. */
  fill(groupId: string, limit: number): void {
    this.gauge(groupId).fill(limit);
  }

  private gauge(groupId: string): Gauge {
    const gauge = this.gauges.get(groupId) ?? new Gauge();
    this.gauges.set(groupId, gauge);
    return gauge;
  }

  private begin(): string {
    const id = mageContext()?.signatureId ?? '';
    this.begun.set(id, this.began(id) + 1);
    return id;
  }

  private end(id: string, { abortController: { signal } }: Context<unknown>) {
    if (!signal.aborted) this.given.set(id, this.gave(id) + 1);
    return { id };
  }

  private async work({ ms = 0, fail }: Step, ctx: Context<unknown>) {
    const id = this.begin();
    const { swarmId = '' } = mageContext() ?? {};
    const group = parseItemId(id)?.groupId ?? swarmId;
    return this.gauge(group).during(async () => {
      if (ms > 0) await pause(ms, ctx.abortController.signal);
      if (fail === 'always' || (fail === 'once' && this.began(id) === 1)) throw new Error('told to fail');
      return this.end(id, ctx);
    });
  }
}

/** What a call may be refused with in a race: any error that mageflow throws on purpose, of these names. */
export async function mayRefuse<T>(call: Promise<T>, ...names: string[]): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof MageflowError && names.includes(error.name)) return undefined;
    throw error;
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    const stop = () => {
      clearTimeout(timer);
      resolve();
    };
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
}
