import { randomUUID } from 'node:crypto';
import type { InProcessEngine } from './engine';
import { servedWorkflow, type ServedWorkflow, type Server } from './served-task';

const defaultSlots = 100;
const defaultDurableSlots = 1_000;

/** A worker of the in-process engine, as the SDK's worker is seen from outside. */
export class EngineWorker implements Server {
  readonly id = randomUUID();
  readonly workflows = new Map<string, () => ServedWorkflow>();
  running = 0;
  runningDurable = 0;
  private ended: (() => void) | undefined;

  constructor(
    private readonly engine: InProcessEngine,
    readonly name: string,
    readonly slots = defaultSlots,
    readonly durableSlots = defaultDurableSlots,
  ) {}

  /** Adds declarations, or replaces those of the same names. @throws Error for what the in-process engine does not have */
  serve(declarations: readonly object[], fullName: (name: string) => string): void {
    for (const declaration of declarations) {
      const first = servedWorkflow(declaration, fullName);
      // A workflow gets its tasks after it was declared.
      const read = first.isSingle ? () => first : () => servedWorkflow(declaration, fullName);
      this.workflows.set(first.name, read);
      this.engine.names.add(first.name);
    }
    this.engine.plan();
  }

  /** Takes runs from now on. Resolves when it is stopped. */
  start(): Promise<void> {
    this.engine.workers.add(this);
    this.engine.plan();
    return new Promise((resolve) => (this.ended = resolve));
  }

  /** Takes no more runs, and resolves when those that it has have ended. */
  async stop(): Promise<void> {
    this.engine.workers.delete(this);
    const tasks = [...this.engine.runs.values()].flatMap((run) => run.tasks);
    const own = tasks.filter(({ attempt }) => attempt?.workerId === this.id);
    await Promise.all(own.map(({ run }) => this.engine.whenEnded(run.id)));
    this.ended?.();
  }

  async waitUntilReady(): Promise<void> {
    await Promise.resolve();
  }
}
