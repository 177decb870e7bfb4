import type { HatchetClient } from '@hatchet-dev/typescript-sdk';

type Client = Pick<HatchetClient, 'runs'>;

/** The SDK's stream on which it hears of ends of runs. */
interface Stream {
  client: unknown;
  init(): Promise<void>;
  signal: AbortController;
}

/**
 * Hears of the ends of runs on a stream of its own. The SDK opens one for each client, which it never closes, and which keeps the
 * process alive; that one is the user's.
 */
export class RunEnds {
  private readonly listener: { pooledListener?: Stream | undefined };

  constructor(private readonly hatchet: Client) {
    const { _listener: shared } = hatchet as unknown as { _listener: object };
    this.listener = Object.create(shared, { pooledListener: { value: undefined, writable: true } }) as object;
  }

  /** Settles when the run has ended, however. */
  of(runId: string): Promise<unknown> {
    const runs = Object.create(this.hatchet.runs, { listener: { value: this.listener } }) as Client['runs'];
    return runs.runRef(runId).output;
  }

  close(): void {
    const stream = this.listener.pooledListener;
    if (!stream) return;
    // It opens itself again when it is closed, unless it is told that nobody wants it.
    const over = () => {
      throw new DOMException('The instance is closed.', 'AbortError');
    };
    stream.init = () => Promise.resolve();
    const { logger } = stream.client as { logger: unknown };
    stream.client = { logger, client: { subscribeToWorkflowRuns: over } };
    stream.signal.abort();
  }
}
