import type { HatchetClient } from '@hatchet-dev/typescript-sdk';

type Client = Pick<HatchetClient, 'runs'>;

/** The SDK's stream that delivers the ends of runs. */
interface Stream {
  client: unknown;
  init(): Promise<void>;
  signal: AbortController;
}

/**
 * Receives the ends of runs on a stream of its own. The SDK opens one for each client, never closes it, and keeps the
 * process alive by it; that one is the user's.
 */
export class RunEnds {
  private readonly listener: { pooledListener?: Stream | undefined };

  constructor(private readonly hatchet: Client) {
    const { _listener: shared } = hatchet as unknown as { _listener: object };
    this.listener = Object.create(shared, { pooledListener: { value: undefined, writable: true } }) as object;
  }

  /** Settles when the run has ended in any way. */
  of(runId: string): Promise<unknown> {
    const runs = Object.create(this.hatchet.runs, { listener: { value: this.listener } }) as Client['runs'];
    return runs.runRef(runId).output;
  }

  close(): void {
    const stream = this.listener.pooledListener;
    if (!stream) return;
    // A closed stream opens itself again, unless subscribing throws an AbortError.
    const over = () => {
      throw new DOMException('The instance is closed.', 'AbortError');
    };
    stream.init = () => Promise.resolve();
    const { logger } = stream.client as { logger: unknown };
    stream.client = { logger, client: { subscribeToWorkflowRuns: over } };
    stream.signal.abort();
  }
}
