import type { Kernel } from './kernel';
import { ClosedError } from './config/errors';
import { processState } from './utils/process-state';
import type { Runtime, RuntimeSource } from './worker/runtime';

type Action = (kernel: Kernel) => void;

/** The parts of an instance: made at once, or when they are first needed, and made anew for a testing kit. */
export class Opening implements RuntimeSource {
  private kernel: Kernel | undefined;
  private readonly actions = new Set<Action>();
  /** What went wrong when it was opened. */
  private failure: { error: unknown } | undefined;
  private isClosed = false;

  /** @param open - makes the parts */
  constructor(
    readonly instance: object,
    private readonly open: () => Kernel,
  ) {
    processState().openings.set(instance, this);
  }

  /** The parts. @throws what making them throws, ClosedError after `close` */
  get parts(): Kernel {
    if (this.failure) throw this.failure.error;
    if (this.kernel) return this.kernel;
    if (this.isClosed) throw new ClosedError('This Mageflow is closed. Make a new one.');
    const kernel = (this.kernel = this.open());
    for (const action of this.actions) this.carryOut(action, kernel);
    if (this.failure) throw (this.failure as { error: unknown }).error;
    return kernel;
  }

  /** True once the parts have been made. */
  get isOpen(): boolean {
    return this.kernel !== undefined;
  }

  get runtime(): Runtime {
    return this.parts.runtime;
  }

  /**
   * Calls back with the parts as soon as they are made, and again with those that replace them.
   * @returns a function that ends that
   */
  onOpen(action: Action): () => void {
    this.actions.add(action);
    if (this.kernel) action(this.kernel);
    return () => void this.actions.delete(action);
  }

  /** Makes the parts anew, and drops the present ones as they are. What was made with those goes on using them. */
  restart(): void {
    this.kernel = undefined;
    void this.parts;
  }

  async close(): Promise<void> {
    this.isClosed = true;
    await this.kernel?.close();
  }

  private carryOut(action: Action, kernel: Kernel): void {
    try {
      action(kernel);
    } catch (error) {
      this.failure ??= { error };
    }
  }
}

/** Returns the parts of an instance, for a testing kit. */
export function openingOf(instance: object): Opening {
  return processState().openings.get(instance) as Opening;
}
