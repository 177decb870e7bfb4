import { randomUUID } from 'node:crypto';
import type { InProcessEngine } from './engine';
import { servedTask, type ServedTask, type Server } from './served-task';

const defaultSlots = 100;

/** A worker of the in-process engine, as the SDK's worker is seen from outside. */
export class EngineWorker implements Server {
  readonly id = randomUUID();
  readonly tasks = new Map<string, ServedTask>();
  running = 0;
  private ended: (() => void) | undefined;

  constructor(
    private readonly engine: InProcessEngine,
    readonly name: string,
    readonly slots = defaultSlots,
  ) {}

  /** Adds tasks, or replaces those of the same names. @throws Error for what the in-process engine does not have */
  serve(declarations: readonly object[], fullName: (name: string) => string): void {
    for (const declaration of declarations) {
      const task = servedTask(declaration, fullName);
      this.tasks.set(task.name, task);
      this.engine.names.add(task.name);
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
    const own = [...this.engine.runs.values()].filter(({ attempt }) => attempt?.workerId === this.id);
    await Promise.all(own.map(({ id }) => this.engine.whenEnded(id)));
    this.ended?.();
  }

  async waitUntilReady(): Promise<void> {
    await Promise.resolve();
  }
}
