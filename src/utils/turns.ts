/** The turn of one call among those that add to a swarm. */
export interface Turn {
  /** Resolves when all calls before it have sent what they add. */
  readonly come: Promise<void>;
  /** It has sent what it adds, or will send nothing. */
  pass(): void;
}

/**
 * Keeps the calls of this process that add to a swarm in the order in which they were made: what some of them have to read first
 * takes longer than what others have. Only sending takes turns; calls neither prepare nor are answered one after another.
 */
export class Turns {
  /** Resolves when all calls of a swarm that were made so far have had their turn. */
  private readonly last = new Map<string, Promise<void>>();

  take(swarm: string): Turn {
    const come = this.last.get(swarm) ?? Promise.resolve();
    let pass = () => undefined as void;
    const passed = new Promise<void>((resolve) => (pass = resolve));
    const last = come.then(() => passed);
    this.last.set(swarm, last);
    void last.then(() => {
      if (this.last.get(swarm) === last) this.last.delete(swarm);
    });
    return { come, pass };
  }
}
