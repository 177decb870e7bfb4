import type { ChangeView } from '../../src/viewer/wire';

/** An event of a stream of server-sent events. */
export interface StreamEvent {
  event: string;
  data: unknown;
}

/** Reads the events of a response one by one, and keeps the value that snapshots and changes result in. */
export class EventStream {
  value: Record<string, unknown> = {};
  private readonly reader: ReadableStreamDefaultReader<Uint8Array>;
  private readonly decoder = new TextDecoder();
  private text = '';

  constructor(response: Response) {
    if (!response.body) throw new Error('The response has no body.');
    this.reader = (response.body as ReadableStream<Uint8Array>).getReader();
  }

  /** Returns the next event; undefined at the end of the stream. */
  async next(): Promise<StreamEvent | undefined> {
    for (;;) {
      const end = this.text.indexOf('\n\n');
      if (end >= 0) {
        const lines = this.text.slice(0, end).split('\n');
        this.text = this.text.slice(end + 2);
        const field = (name: string) => lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
        const event = field('event');
        if (event === undefined) continue;
        const data = JSON.parse(field('data') ?? 'null') as unknown;
        this.take(event, data);
        return { event, data };
      }
      const { done, value } = await this.reader.read();
      if (done) return undefined;
      this.text += this.decoder.decode(value, { stream: true });
    }
  }

  /** Reads until the value is as wanted. @throws at the end of the stream */
  async until(what: string, isReached: (value: Record<string, unknown>) => boolean): Promise<void> {
    while (!isReached(this.value))
      if (!(await this.next())) throw new Error(`The stream has ended before: ${what}. ${JSON.stringify(this.value)}`);
  }

  close(): Promise<void> {
    return this.reader.cancel();
  }

  private take(event: string, data: unknown): void {
    if (event === 'snapshot') this.value = data as Record<string, unknown>;
    if (event !== 'change') return;
    const { set, unset } = data as ChangeView;
    this.value = Object.fromEntries(
      Object.entries({ ...this.value, ...set }).filter(([name]) => !unset.includes(name)),
    );
  }
}
