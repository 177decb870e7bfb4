import type { Context } from '@hatchet-dev/typescript-sdk';
import type { Mageflow, Signature, Swarm } from '../../src';
import { eventually, gate, Gauge } from './fixture';

interface PieceInput {
  of: string;
  throws?: 'always' | 'once';
  /** Works until the batch is released. */
  held?: boolean;
}

interface Entry {
  event: 'start' | 'end' | 'callback';
  of: string;
  runId: string;
  at: number;
  input?: unknown;
}

const limit = 7;
const items = 50;
const children = 20;
const numbers = (count: number) => Array.from({ length: count }, (_, n) => n);
const outputs = (count: number, of: string) => numbers(count).map((n) => ({ of: `${of} ${n}` }));
const isFailing = (n: number) => n % 20 === 3;
const failing = numbers(items).filter(isFailing);

/**
 * What a fault is to meet in the middle: a swarm with items that fail and items that are tried again, a chain, a root task
 * with its children, callbacks of each. Some bodies wait for `release`, so that nothing ends before the fault.
 */
export class Batch {
  readonly entries: Entry[] = [];
  private readonly held = gate();
  /** Fill the swarm and the root once, before the fault. */
  private readonly gauges = { item: new Gauge(), child: new Gauge() };
  private readonly made: (Signature<any, any> | Swarm<any>)[] = [];
  private readonly declared;

  constructor(
    private readonly mage: Mageflow,
    private readonly name = 'batch',
  ) {
    this.declared = this.declare(mage);
  }

  get tasks() {
    return Object.values(this.declared);
  }

  /** The same tasks for a worker of another instance. */
  tasksOf(mage: Mageflow) {
    return Object.values(this.declare(mage));
  }

  /**
   * Runs all of it, and waits until it is in the middle: what is held runs, and a part of the rest is over. Both limits have been
   * reached by then: bodies that a fault starts a second time would count twice in a gauge.
   */
  async start(): Promise<void> {
    const { mage } = this;
    const { piece, spawn } = this.declared;
    const swarm = await mage.swarm({
      name: `${this.name} swarm`,
      tasks: numbers(items).map((n) => [
        piece,
        {
          of: `item ${n}`,
          held: n === 10 || n === 11,
          ...(isFailing(n) ? { throws: 'always' } : n % 10 === 5 ? { throws: 'once' } : {}),
        },
      ]),
      ...(await this.callbacks('swarm')),
      config: { maxConcurrency: limit },
      isSwarmClosed: true,
    });
    const steps: PieceInput[] = [{ of: 'step 0' }, { of: 'step 1', held: true }, { of: 'step 2', throws: 'once' }];
    const chain = await mage.chain(
      await Promise.all(steps.map((step) => mage.sign(piece, step))),
      await this.callbacks('chain'),
    );
    const root = await mage.sign(spawn, { of: 'root' }, await this.callbacks('root'));
    for (const gauge of Object.values(this.gauges)) gauge.fill(limit);
    this.made.push(swarm, chain, root as Signature<any, any>);
    for (const each of [swarm, chain, root]) await each.runNoWait({});
    await eventually('it is in the middle', () => {
      const running = ['item 10', 'item 11', 'step 1', 'child 4'].every((of) => this.count('start', of) > 0);
      const full = ['item', 'child'].every((of) => this.mostAtOnce(of) === limit);
      return running && full && this.entries.filter(({ event }) => event === 'end').length >= 20;
    });
  }

  /** Lets those end that are held. */
  release(): void {
    this.held.open();
  }

  /**
   * Waits until all of it is over, and checks what must hold then.
   * @param hits - how often the engine may have taken a run for lost
   */
  async check(hits: number, patience = 280_000): Promise<void> {
    for (const each of this.made)
      await eventually(
        `${each.name} has ended`,
        async () => ['succeeded', 'failed'].includes(await each.status()),
        patience,
      );
    const groups = new Set(['swarm', 'chain', 'root']);
    const called = () => this.entries.filter(({ event, of }) => event === 'callback' && groups.has(of));
    await eventually('all callbacks ran', () => new Set(called().map(({ of }) => of)).size === 3, patience);
    const [swarm] = this.made as [Swarm<any>];
    expect(await Promise.all(this.made.map((each) => each.status()))).toEqual(['succeeded', 'succeeded', 'succeeded']);
    const ofItems: { index: number }[] = [];
    for await (const item of swarm.results()) ofItems.push(item);
    ofItems.sort((a, b) => a.index - b.index);
    // The error is compared too, so that it is shown when there is one.
    expect(ofItems.map((item) => ({ error: undefined, ...item }))).toMatchObject(
      numbers(items).map((n) =>
        isFailing(n)
          ? // The last attempt of one that was on its way to a worker when the engine ended is one that the engine timed out.
            { index: n, status: 'failed', error: expect.stringMatching(/fails|exceeded timeout/) as string }
          : { index: n, status: 'succeeded', output: { of: `item ${n}` }, error: undefined },
      ),
    );
    expect(await swarm.progress()).toMatchObject({
      total: items,
      succeeded: items - failing.length,
      failed: failing.length,
      cancelled: 0,
      running: 0,
    });
    const inputs = called().map(({ of, input }) => [of, input] as const);
    expect(Object.fromEntries(inputs)).toMatchObject({
      swarm: { returnValue: outputs(items, 'item').filter((_, n) => !isFailing(n)) },
      chain: { returnValue: { of: 'step 2' } },
      root: { returnValue: { spawned: children }, childResults: outputs(children, 'child') },
    });
    // Each under one run, whatever became of the engine's call or of its answer.
    expect(new Set(called().map(({ of, runId }) => `${of} ${runId}`)).size).toBe(3);
    this.checkBodies(hits);
  }

  private declare(mage: Mageflow) {
    const { name } = this;
    // One more than they throw: what the engine had handed to nobody when it died, it counts as an attempt, by a timeout.
    const attempts = { retries: 2, executionTimeout: '30s' } as const;
    const piece = mage.task({
      name: `${name}-piece`,
      ...attempts,
      fn: (input: PieceInput, ctx) => this.work(input, ctx),
    });
    const report = mage.task({
      name: `${name}-report`,
      ...attempts,
      fn: (input: { of: string }, ctx) => void this.note('callback', String(input.of), ctx, input),
    });
    const spawn = mage.rootTask({
      name: `${name}-spawn`,
      ...attempts,
      maxConcurrency: limit,
      fn: async ({ of }: { of: string }, ctx) => {
        this.note('start', of, ctx);
        for (const n of numbers(children)) await piece.runNoWait({ of: `child ${n}`, held: n === 4 });
        this.note('end', of, ctx);
        return { spawned: children };
      },
    });
    return { piece, report, spawn };
  }

  private checkBodies(hits: number): void {
    const planned: [string, number][] = [
      ...numbers(items).map((n): [string, number] => [`item ${n}`, isFailing(n) ? 3 : n % 10 === 5 ? 2 : 1]),
      ['step 0', 1],
      ['step 1', 1],
      ['step 2', 2],
      ...numbers(children).map((n): [string, number] => [`child ${n}`, 1]),
      ['root', 1],
    ];
    const often = planned.filter(([of, runs]) => {
      const began = this.count('start', of);
      return began < 1 || began > runs + hits;
    });
    expect(often.map(([of]) => [of, this.begins(of)])).toEqual([]);
    const owners = planned.filter(([of]) => this.runsOf(of).size !== 1);
    expect(owners.map(([of]) => [of, [...this.runsOf(of)]])).toEqual([]);
    expect(['item', 'child'].map((of) => this.mostAtOnce(of))).toEqual([limit, limit]);
  }

  /** When the executions of a body began, in ms since the first of all. */
  private begins(of: string): number[] {
    const zero = this.entries[0]?.at ?? 0;
    return this.all('start', of).map(({ at }) => Math.round(at - zero));
  }

  private runsOf(of: string): Set<string> {
    return new Set(this.all('start', of).map(({ runId }) => runId));
  }

  private mostAtOnce(of: string): number {
    const active = new Set<string>();
    let most = 0;
    for (const entry of this.entries.filter((one) => one.of.startsWith(`${of} `))) {
      if (entry.event === 'start') active.add(entry.of);
      if (entry.event === 'end') active.delete(entry.of);
      most = Math.max(most, active.size);
    }
    return most;
  }

  private count(event: Entry['event'], of: string): number {
    return this.all(event, of).length;
  }

  private all(event: Entry['event'], of: string): Entry[] {
    return this.entries.filter((one) => one.event === event && one.of === of);
  }

  private async callbacks(of: string) {
    const callback = await this.mage.sign(this.declared.report, { of });
    return { successCallbacks: [callback], errorCallbacks: [callback] };
  }

  private async work({ of, throws, held }: PieceInput, ctx: Context<unknown>) {
    this.note('start', of, ctx);
    const work = () => (held ? this.held.opened : new Promise<void>((resolve) => setTimeout(resolve, 20)));
    const gauge = this.gauges[of.split(' ')[0] as keyof typeof this.gauges] as Gauge | undefined;
    await (gauge?.during(work) ?? work());
    this.note('end', of, ctx);
    if (throws === 'always' || (throws === 'once' && ctx.retryCount() === 0)) throw new Error(`${of} fails`);
    return { of };
  }

  private note(event: Entry['event'], of: string, ctx: Context<unknown>, input?: unknown): void {
    const at = performance.now();
    this.entries.push({ event, of, runId: ctx.workflowRunId(), at, ...(input === undefined ? {} : { input }) });
  }
}
