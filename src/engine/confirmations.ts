import { detached } from '../detached';

const companyMs = 50;

/** Publications that the engine took and Redis has yet to hear of, in (entry, run id) pairs by group. */
export class Confirmations {
  private readonly waiting = new Map<string, string[]>();
  private sent: Promise<unknown> = Promise.resolve();
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly send: (groupId: string, pairs: readonly string[]) => Promise<void>) {}

  add(groupId: string, entry: string, runId: string): void {
    const pairs = this.waiting.get(groupId);
    if (pairs) pairs.push(entry, runId);
    else this.waiting.set(groupId, [entry, runId]);
    this.timer ??= detached(() => setTimeout(() => void this.flush(), companyMs));
  }

  has(groupId: string, entry: string): boolean {
    return this.waiting.get(groupId)?.includes(entry) === true;
  }

  /** Those of a group that wait to be sent; whoever takes them sends them. */
  take(groupId: string): string[] {
    const pairs = this.waiting.get(groupId) ?? [];
    this.waiting.delete(groupId);
    return pairs;
  }

  /** Sends all that wait; resolves when those on their way have arrived too. */
  async flush(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    const all = [...this.waiting];
    this.waiting.clear();
    this.sent = Promise.all([this.sent, ...all.map(([groupId, pairs]) => this.send(groupId, pairs))]);
    await this.sent;
  }
}
