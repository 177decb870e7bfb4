import { NonRetryableError } from '@hatchet-dev/typescript-sdk';
import type { Mageflow, Signature } from '../../src';
import { eventually, type Fixture, gate, Gauge } from './fixture';

interface WorkInput {
  n: number;
  /** Attempts that throw before one succeeds; endless ones never do. */
  throws?: number;
  hold?: string;
}

interface Executed {
  n: number;
  runId: string;
  attempt: number;
}

const retries = 2;
const children = 8;
const steps = 4;

/** How item n of a swarm fares: some fail for good, some at their first attempts. */
function throwsOf(n: number): number {
  if (n % 20 === 7) return Infinity;
  return n % 10 === 3 ? 1 : n % 10 === 6 ? 2 : 0;
}

/** A swarm with failing and retried items, a chain and a root task, each with callbacks, while something happens to Redis. */
export class RedisBatch {
  readonly limit = 7;
  /** Each execution of an item's body, in order. */
  readonly executed: Executed[] = [];
  /** What callbacks got, by their tag. */
  readonly callbacksRun: { tag: string; runId: string; input: Record<string, unknown> }[] = [];
  /** Which items' bodies gave something back. */
  readonly gave: number[] = [];
  readonly rootBodies: number[] = [];
  /** Whether the root's body has returned. */
  spawned = false;
  /** The bodies of the swarm's items. */
  readonly gauge = new Gauge();
  private signatures: Record<string, Signature<never, unknown>> = {};
  private readonly gates = new Map<string, ReturnType<typeof gate>>();
  private readonly mage: Mageflow;
  readonly tasks;

  constructor(
    fixture: Fixture,
    readonly items = 60,
    /** How long a body works, in ms. */
    private readonly ms = 20,
  ) {
    this.mage = fixture.mage;
    fixture.onRelease(() => {
      for (const { open } of this.gates.values()) open();
    });
    const { mage } = this;
    const work = mage.task({
      name: 'work',
      retries,
      fn: async ({ n, throws = throwsOf(n), hold }: WorkInput, ctx) => {
        const attempt = ctx.retryCount();
        this.executed.push({ n, runId: ctx.workflowRunId(), attempt });
        const work = async () => {
          await new Promise((resolve) => setTimeout(resolve, this.ms));
          if (hold) await this.gateOf(hold).opened;
        };
        await (n < items ? this.gauge.during(work) : work());
        if (throws === Infinity) throw new NonRetryableError(`item ${n} is broken`);
        if (attempt < throws) throw new Error(`item ${n} fails for now`);
        this.gave.push(n);
        return { n };
      },
    });
    const step = mage.task({
      name: 'step',
      retries,
      fn: async (input: Record<string, unknown>, ctx) => {
        const n = Number(input['n']);
        this.executed.push({ n, runId: ctx.workflowRunId(), attempt: ctx.retryCount() });
        await new Promise((resolve) => setTimeout(resolve, 5 * this.ms));
        const before = (input['returnValue'] as { path?: number[] } | undefined)?.path ?? [];
        return { path: [...before, n] };
      },
    });
    const family = mage.rootTask({
      name: 'family',
      retries: 5,
      maxConcurrency: 3,
      fn: async ({ from }: { from: number }, ctx) => {
        this.rootBodies.push(ctx.retryCount());
        for (let n = from; n < from + children; n++) {
          const child = await mage.sign(work, { n, throws: 0 });
          await child.runNoWait({});
        }
        this.spawned = true;
        return { spawned: children };
      },
    });
    const note = mage.task({
      name: 'note',
      fn: async (input: Record<string, unknown>, ctx) => {
        this.callbacksRun.push({ tag: String(input['tag']), runId: ctx.workflowRunId(), input });
        return {};
      },
    });
    this.tasks = [work, step, family, note];
  }

  /** Makes and runs all of it. @param hold - the gate at which the first item waits */
  async start(hold?: string): Promise<void> {
    const { mage, items } = this;
    this.gauge.fill(this.limit);
    const note = (tag: string) => mage.sign('note', { tag });
    const numbers = Array.from({ length: items }, (_, n) => n);
    const held = (n: number) => (n === 0 && hold ? { hold } : {});
    const swarm = await mage.swarm({
      tasks: await Promise.all(numbers.map((n) => mage.sign('work', { n, ...held(n) }))),
      successCallbacks: [await note('swarm done')],
      errorCallbacks: [await note('swarm stopped')],
      config: { maxConcurrency: this.limit },
      isSwarmClosed: true,
    });
    const chain = await mage.chain(
      Array.from({ length: steps }, (_, i) => ['step', { n: 1_000 + i }] as const) as never,
      { successCallbacks: [await note('chain done')], errorCallbacks: [await note('chain broke')] },
    );
    const root = await mage.sign('family', { from: 2_000 }, {
      successCallbacks: [await note('root done')],
      errorCallbacks: [await note('root broke')],
    } as never);
    this.signatures = { swarm, chain, root } as never;
    for (const signature of Object.values(this.signatures)) await signature.runNoWait({} as never);
  }

  open(name: string): void {
    this.gateOf(name).open();
  }

  /** Waits until this many bodies of items have begun. */
  async begun(count: number): Promise<void> {
    await eventually(`${count} bodies have begun`, () => this.executed.length >= count);
  }

  /** Waits until all three have ended, and their callbacks have run. */
  async ended(timeoutMs = 150_000): Promise<Record<string, string>> {
    const over = (status: string) => status === 'succeeded' || status === 'failed' || status === 'cancelled';
    const found: Record<string, string> = {};
    for (const [name, signature] of Object.entries(this.signatures)) {
      found[name] = await eventually(
        `the ${name} has ended`,
        async () => {
          const status = await signature.status();
          return over(status) ? status : undefined;
        },
        timeoutMs,
      );
    }
    await eventually('each callback has run', () => new Set(this.callbacksRun.map(({ tag }) => tag)).size >= 3);
    return found;
  }

  /** What was given by each, as far as it ended. */
  async outcomes(): Promise<unknown[]> {
    const swarm = this.signatures['swarm'] as unknown as { results(): AsyncIterable<{ index: number }> };
    const ended: { index: number }[] = [];
    for await (const item of swarm.results()) ended.push(item);
    return ended.sort((a, b) => a.index - b.index);
  }

  /** What `outcomes` has to give. */
  expected(): unknown[] {
    return Array.from({ length: this.items }, (_, n) =>
      throwsOf(n) === Infinity
        ? { index: n, status: 'failed', error: `item ${n} is broken` }
        : { index: n, status: 'succeeded', output: { n } },
    );
  }

  /** How often each body ran, in how many runs, and with which attempts. */
  executions(counts = (_n: number) => true): string[] {
    const byItem = new Map<number, Executed[]>();
    for (const one of this.executed.filter(({ n }) => counts(n)))
      byItem.set(one.n, [...(byItem.get(one.n) ?? []), one]);
    return [...byItem]
      .sort(([a], [b]) => a - b)
      .map(
        ([n, all]) =>
          `${n}: ${new Set(all.map(({ runId }) => runId)).size} run, attempts ${all.map(({ attempt }) => attempt).join()}`,
      );
  }

  /** What `executions` has to give: one run each, and each attempt once. */
  expectedExecutions(counts = (_n: number) => true): string[] {
    const attempts = (n: number) => {
      const throws = n < this.items ? throwsOf(n) : 0;
      return Array.from({ length: throws === Infinity ? 1 : throws + 1 }, (_, i) => i).join();
    };
    const numbers = [
      ...Array.from({ length: this.items }, (_, n) => n),
      ...Array.from({ length: steps }, (_, n) => 1_000 + n),
      ...Array.from({ length: children }, (_, n) => 2_000 + n),
    ];
    return numbers.filter(counts).map((n) => `${n}: 1 run, attempts ${attempts(n)}`);
  }

  /**
   * Checks all of it to the letter.
   * @param mayRepeat - whether what was between two attempts may have started over
   */
  async check({ mayRepeat = false } = {}): Promise<void> {
    expect(await this.ended()).toEqual({ swarm: 'succeeded', chain: 'succeeded', root: 'succeeded' });
    expect(await this.outcomes()).toMatchObject(this.expected() as object[]);
    const counts = (n: number) => !mayRepeat || n >= this.items || throwsOf(n) === 0 || throwsOf(n) === Infinity;
    expect(this.executions(counts)).toEqual(this.expectedExecutions(counts));
    expect(new Set(this.gave).size).toBe(this.gave.length);
    expect(this.callbacksRun.map(({ tag }) => tag).sort()).toEqual(['chain done', 'root done', 'swarm done']);
    expect(this.callbackOf('chain done')).toEqual({ path: Array.from({ length: steps }, (_, i) => 1_000 + i) });
    expect(this.callbacksRun.find(({ tag }) => tag === 'root done')?.input).toMatchObject({
      returnValue: { spawned: children },
      childResults: Array.from({ length: children }, (_, i) => ({ n: 2_000 + i })),
    });
    expect(this.callbackOf('swarm done')).toEqual(
      (this.expected() as { status: string; output: unknown }[])
        .filter(({ status }) => status === 'succeeded')
        .map(({ output }) => output),
    );
    expect(new Set(this.rootBodies).size).toBe(this.rootBodies.length);
  }

  private callbackOf(tag: string): unknown {
    return this.callbacksRun.find((one) => one.tag === tag)?.input['returnValue'];
  }

  private gateOf(name: string) {
    const known = this.gates.get(name) ?? gate();
    this.gates.set(name, known);
    return known;
  }
}
