import type { Context } from '@hatchet-dev/typescript-sdk';
import { mageContext, type MageContext, type MageflowOptions } from '../../src';
import { eventually, Fixture, gate, Gauge } from './fixture';

/** What a piece of work is told to do, by its message or its bound data. */
export interface Piece {
  /** Under which its executions are found. */
  tag?: string;
  /** Is given back; without it, what came from the step before is told. */
  give?: unknown;
  /** Throws this; with `until`, only at attempts before that one. */
  fail?: string;
  until?: number;
  /** Waits at this gate. */
  hold?: string;
  /** Counts how many of the same gauge run at once. */
  gauge?: string;
  /** Goes on until its run is cancelled. */
  patient?: boolean;
  returnValue?: unknown;
  [field: string]: unknown;
}

/** One execution of a body. */
export interface Execution {
  tag: string;
  input: Record<string, unknown>;
  context: MageContext | undefined;
  runId: string;
  aborted: boolean;
}

/** Tasks to build groups of groups from, and what all of their bodies saw. */
export class Pieces {
  readonly seen: Execution[] = [];
  private readonly gates = new Map<string, ReturnType<typeof gate>>();
  private readonly gauges = new Map<string, Gauge>();
  /** One attempt. */
  readonly piece;
  /** Three attempts. */
  readonly stubborn;
  /** A callback: keeps what it gets. */
  readonly note;

  constructor(private readonly fixture: Fixture) {
    const { mage } = fixture;
    // A test that failed left its bodies waiting.
    fixture.onRelease(() => {
      for (const { open } of this.gates.values()) open();
    });
    const fn = (input: Piece, ctx: Context<unknown>) => this.execute(input, ctx);
    this.piece = mage.task({ name: 'piece', fn });
    this.stubborn = mage.task({ name: 'stubborn', retries: 2, fn });
    this.note = mage.task({ name: 'note', fn: (input: Piece, ctx) => void this.keep(input, ctx) });
  }

  get tasks() {
    return [this.piece, this.stubborn, this.note];
  }

  open(name: string): void {
    this.gateOf(name).open();
  }

  /** Waits at a gate, in a body of a test's own. */
  held(name: string): Promise<void> {
    return this.gateOf(name).opened;
  }

  gauge(name: string): Gauge {
    const known = this.gauges.get(name) ?? new Gauge();
    this.gauges.set(name, known);
    return known;
  }

  /** All executions of a tag, in the order in which they began. */
  of(tag: string): Execution[] {
    return this.seen.filter((one) => one.tag === tag);
  }

  /** The tags of all executions that a list of tags names, in the order in which they began. */
  order(...tags: string[]): string[] {
    return this.seen.map(({ tag }) => tag).filter((tag) => tags.includes(tag));
  }

  /** Waits until this many bodies of a tag have begun, and gives them. */
  async begun(tag: string, count = 1): Promise<Execution[]> {
    await eventually(`${count} bodies of ${tag} have begun`, () => this.of(tag).length >= count);
    return this.of(tag);
  }

  /** The one execution of a tag, once its outermost group has ended with everything that belongs to it. */
  async only(tag: string, outermost: { id: string }): Promise<Execution> {
    await this.settled(outermost);
    const executions = this.of(tag);
    if (executions.length !== 1) throw new Error(`${executions.length} executions of ${tag} instead of one`);
    return executions[0] as Execution;
  }

  /** Waits until an outermost group has ended, and nothing of it and of the groups below it is under way any more. */
  async settled({ id }: { id: string }): Promise<void> {
    await eventually(`${id} is over`, async () => {
      const state = (await this.fixture.keys()).find((name) => name.endsWith(`{${id}}:g`));
      return state !== undefined && this.isQuiet(state.slice(0, -`{${id}}:g`.length), id);
    });
  }

  private async isQuiet(base: string, id: string): Promise<boolean> {
    const { redis } = this.fixture;
    const [state, end, active, below] = await Promise.all([
      redis.exists(`${base}{${id}}:g`),
      redis.hget(`${base}{${id}}:g`, 'en'),
      redis.exists(`${base}{${id}}:a`),
      redis.hgetall(`${base}{${id}}:c`),
    ]);
    // One that isn't there was never started, or has been forgotten.
    if (state === 0) return true;
    if (end === null || active === 1) return false;
    const children = Object.keys(below).flatMap((field) => (field.startsWith('g:') ? [below[field] ?? ''] : []));
    return (await Promise.all(children.map((child) => this.isQuiet(base, child)))).every(Boolean);
  }

  private keep(input: Piece, ctx: Context<unknown>): Execution {
    const execution = {
      tag: String(input.tag),
      input,
      context: mageContext(),
      runId: ctx.workflowRunId(),
      aborted: false,
    };
    this.seen.push(execution);
    return execution;
  }

  private execute(input: Piece, ctx: Context<unknown>): Promise<unknown> {
    const execution = this.keep(input, ctx);
    return this.gauge(input.gauge ?? '').during(async () => {
      if (input.hold) await this.gateOf(input.hold).opened;
      if (input.patient) await aborted(ctx, execution);
      if (input.fail && ctx.retryCount() < (input.until ?? Infinity)) throw new Error(input.fail);
      return 'give' in input ? input.give : { tag: input.tag, got: input.returnValue ?? null };
    });
  }

  private gateOf(name: string) {
    const known = this.gates.get(name) ?? gate();
    this.gates.set(name, known);
    return known;
  }
}

async function aborted({ abortController: { signal } }: Context<unknown>, execution: Execution): Promise<void> {
  if (!signal.aborted)
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
  execution.aborted = true;
}

/** Pieces that a worker serves for as long as the suite lasts that calls this. */
export function openPieces(options: MageflowOptions = {}) {
  const fixture = new Fixture({ leaseMs: 1_000, reconcileIntervalMs: 250, ...options });
  const pieces = new Pieces(fixture);
  beforeAll(async () => {
    await fixture.worker(pieces.tasks);
  });
  afterAll(() => fixture.close());
  const { piece, stubborn, note } = pieces;
  return { fixture, pieces, mage: fixture.mage, piece, stubborn, note };
}
