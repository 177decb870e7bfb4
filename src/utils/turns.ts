/** The turn of one call among the calls that add to a swarm. */
export interface Turn {
  /** Resolves when all earlier calls have sent their items. */
  readonly come: Promise<void>;
  /** Ends the turn: the call has sent its items, or will send none. */
  pass(): void;
}

/**
 * Keeps the calls of this process that add to a swarm in the order in which they were made, because some must first read
 * more than others. Only sending takes turns; preparation and answers of several calls overlap.
 */
export class Turns {
  /** Resolves when all calls made so far for a swarm have had their turn. */
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
