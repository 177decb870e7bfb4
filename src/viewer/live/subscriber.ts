import { changeBetween, snapshotOf, type Fields } from './fields';

const encoder = new TextEncoder();

/** What a feed has to tell at the moment. */
export interface Latest {
  fields: Fields | undefined;
  /** What keeps the feed from reading. */
  problem: string | undefined;
}

/** Says in an event what has changed; undefined when nothing has. @param before - what was sent; undefined at first */
export type Telling = (before: Fields | undefined, fields: Fields) => { event: string; data: string } | undefined;

/** Tells everything at first, and then the differences. */
export const tellDifferences: Telling = (before, fields) => {
  if (!before) return { event: 'snapshot', data: snapshotOf(fields) };
  const data = changeBetween(before, fields);
  return data === undefined ? undefined : { event: 'change', data };
};

/** Tells everything each time, for clients of a few lines. */
export const tellAll: Telling = (before, fields) => {
  const data = snapshotOf(fields);
  return before && snapshotOf(before) === data ? undefined : { event: 'message', data };
};

/**
 * One event stream. It begins with a snapshot of everything, and goes on with differences to what was sent before. So a client
 * that reads slowly gets fewer and larger differences, and never old ones.
 */
export class Subscriber {
  readonly stream: ReadableStream<Uint8Array>;
  private controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  private sent: Fields | undefined;
  private sentProblem: string | undefined;
  private events = 0;
  private isOver = false;
  private sentAt: number;

  /**
   * @param latest - returns what there is to tell
   * @param onEnd - is called once, when the client has gone or the stream has been ended
   */
  constructor(
    private readonly latest: () => Latest,
    private readonly onEnd: () => void,
    private readonly elapsed: () => number,
    private readonly telling: Telling,
  ) {
    this.sentAt = elapsed();
    this.stream = new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.controller = controller;
        controller.enqueue(encoder.encode('retry: 2000\n\n'));
      },
      pull: () => this.tell(),
      cancel: () => this.finish(),
    });
  }

  /** Sends what has changed, unless the client still reads what it got before. */
  tell(): void {
    if (this.isOver || (this.controller?.desiredSize ?? 0) <= 0) return;
    const { fields, problem } = this.latest();
    if (problem !== this.sentProblem) {
      this.sentProblem = problem;
      this.send(problem === undefined ? 'recovered' : 'problem', JSON.stringify({ error: problem ?? '' }));
    }
    if (!fields || fields === this.sent) return;
    const before = this.sent;
    // Before it is sent: a client that waits for it asks for more at once.
    this.sent = fields;
    const told = this.telling(before, fields);
    if (told) this.send(told.event, told.data);
  }

  /** Sends a comment when nothing was sent for a while, so that nothing on the way takes the connection for dead. */
  keepAlive(afterMs: number): void {
    if (this.isOver || this.elapsed() - this.sentAt < afterMs || (this.controller?.desiredSize ?? 0) <= 0) return;
    this.write(': still here\n\n');
  }

  /** Ends the stream. @param event - the last event, if the client is not to connect again */
  end(event?: 'gone'): void {
    if (this.isOver) return;
    if (event) this.send(event, '{}');
    this.finish();
    this.controller?.close();
  }

  private send(event: string, data: string): void {
    this.events += 1;
    this.write(`id: ${this.events}\nevent: ${event}\ndata: ${data}\n\n`);
  }

  private write(text: string): void {
    this.sentAt = this.elapsed();
    this.controller?.enqueue(encoder.encode(text));
  }

  private finish(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.onEnd();
  }
}
