import type { Context } from '@hatchet-dev/typescript-sdk';
import { mageContext, type MageflowOptions } from '../../src';
import { Fixture, gate } from './fixture';
import { Pieces } from './pieces';

/** What a mendable piece of work is told. */
export interface Mendable {
  tag?: string;
  /** Waits at this gate. */
  hold?: string;
  returnValue?: unknown;
  [field: string]: unknown;
}

/** Pieces that fail as long as they are broken, for groups that are tried again. */
export class Mending extends Pieces {
  /** The tags of what throws. */
  readonly broken = new Set<string>();
  /** The tags of what waits until it is released by its own tag. */
  readonly halted = new Set<string>();
  /** What the engine's runs of a tag carried, in their order. */
  readonly metadata = new Map<string, Record<string, string>[]>();
  private readonly holds = new Map<string, ReturnType<typeof gate>>();
  readonly mend;

  constructor(fixture: Fixture) {
    super(fixture);
    fixture.onRelease(() => {
      for (const { open } of this.holds.values()) open();
    });
    this.mend = fixture.mage.task({ name: 'mend', fn: (input: Mendable, ctx) => this.work(input, ctx) });
  }

  override get tasks() {
    return [...super.tasks, this.mend as never];
  }

  break(...tags: string[]): void {
    for (const tag of tags) this.broken.add(tag);
  }

  mendAll(): void {
    this.broken.clear();
    this.halted.clear();
  }

  /** How often the body of each tag was run. */
  counts(...tags: string[]): Record<string, number> {
    return Object.fromEntries(tags.map((tag) => [tag, this.of(tag).length]));
  }

  /** Lets what is told to `hold` at this gate go on, now and later. */
  release(name: string): void {
    this.holdOf(name).open();
  }

  private async work(input: Mendable, ctx: Context<unknown>) {
    const { tag = '', returnValue = null } = input;
    const hold = this.halted.has(tag) ? tag : input.hold;
    const execution = { tag, input, context: mageContext(), runId: ctx.workflowRunId(), aborted: false };
    this.seen.push(execution);
    this.metadata.set(tag, [...(this.metadata.get(tag) ?? []), ctx.additionalMetadata()]);
    const { signal } = ctx.abortController;
    if (hold) {
      const aborted = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
      await Promise.race([this.holdOf(hold).opened, aborted]);
      execution.aborted = signal.aborted;
    }
    if (this.broken.has(tag)) throw new Error(`${tag} is broken`);
    return { tag, got: returnValue };
  }

  private holdOf(name: string) {
    const known = this.holds.get(name) ?? gate();
    this.holds.set(name, known);
    return known;
  }
}

/** Mendable pieces that a worker serves for as long as the suite lasts that calls this. */
export function openMending(options: MageflowOptions = {}) {
  const fixture = new Fixture({ leaseMs: 1_000, reconcileIntervalMs: 300, ...options });
  const mending = new Mending(fixture);
  const { mage } = fixture;
  const { mend, piece, note } = mending;
  /** A callback that keeps what it gets under this tag. */
  const told = (tag: string) => mage.sign(note, { tag });
  return { fixture, mending, mage, mend, piece, note, told };
}
