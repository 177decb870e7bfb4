import type { Context } from '@hatchet-dev/typescript-sdk';
import type { MageflowOptions } from '../../src';
import { Fixture } from './fixture';
import { TaskSet, type WorkInput } from './task-set';

/** A task set with a task that fails as long as it is broken, for groups that are tried again. */
export class Mending extends TaskSet {
  /** The labels of what throws. */
  readonly broken = new Set<string>();
  /** The labels of what waits for the gate that has the same name. */
  readonly halted = new Set<string>();
  /** The metadata of the engine's runs of a label, in the order of their starts. */
  readonly metadata = new Map<string, Record<string, string>[]>();
  readonly mend;

  constructor(fixture: Fixture) {
    super(fixture);
    this.mend = fixture.mage.task({ name: 'mend', fn: (input: WorkInput, ctx) => this.run(input, ctx) });
  }

  override get tasks() {
    return [...super.tasks, this.mend as never];
  }

  break(...labels: string[]): void {
    for (const label of labels) this.broken.add(label);
  }

  mendAll(): void {
    this.broken.clear();
    this.halted.clear();
  }

  /** How often the body of each label was run. */
  counts(...labels: string[]): Record<string, number> {
    return Object.fromEntries(labels.map((label) => [label, this.executions(label).length]));
  }

  private async run(input: WorkInput, ctx: Context<unknown>) {
    const { label = '', returnValue = null } = input;
    const waitFor = this.halted.has(label) ? label : input.waitFor;
    const execution = this.record(input, ctx, 'mend');
    this.metadata.set(label, [...(this.metadata.get(label) ?? []), ctx.additionalMetadata()]);
    const { signal } = ctx.abortController;
    if (waitFor) {
      const aborted = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
      await Promise.race([this.gateOpened(waitFor), aborted]);
      execution.aborted = signal.aborted;
    }
    if (this.broken.has(label)) throw new Error(`${label} is broken`);
    return { label, received: returnValue };
  }
}

/** Tasks that can be mended, which a worker serves as long as the suite lasts that calls this. */
export function openMending(options: MageflowOptions = {}) {
  const fixture = new Fixture({ leaseMs: 1_000, reconcileIntervalMs: 300, ...options });
  const mending = new Mending(fixture);
  const { mage } = fixture;
  const { mend, work, callback } = mending;
  /** A callback whose executions are found by this label. */
  const callbackNamed = (label: string) => mage.sign(callback, { label });
  return { fixture, mending, mage, mend, work, callback, callbackNamed };
}
