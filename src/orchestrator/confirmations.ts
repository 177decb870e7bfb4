import { runOutsideContext } from '../utils/outside-context';

const companyMs = 50;

/** Publications that the engine took and Redis has yet to hear of, by group. */
export class Confirmations {
  /** The run of each entry. */
  private readonly waiting = new Map<string, Map<string, string>>();
  /** On their way. */
  private readonly sent = new Set<Promise<void>>();
  private timer: NodeJS.Timeout | undefined;

  /** @param send - is given (entry, run id) pairs */
  constructor(private readonly send: (groupId: string, pairs: readonly string[]) => Promise<void>) {}

  add(groupId: string, entry: string, runId: string): void {
    const runs = this.waiting.get(groupId);
    if (runs) runs.set(entry, runId);
    else this.waiting.set(groupId, new Map([[entry, runId]]));
    this.timer ??= runOutsideContext(() => setTimeout(() => void this.flush(), companyMs));
  }

  has(groupId: string, entry: string): boolean {
    return this.waiting.get(groupId)?.has(entry) === true;
  }

  /** A run that claims its entry tells Redis itself. Whether its confirmation was waiting. */
  drop(groupId: string, entry: string, runId: string): boolean {
    const runs = this.waiting.get(groupId);
    if (runs?.get(entry) !== runId) return false;
    runs.delete(entry);
    if (runs.size === 0) this.waiting.delete(groupId);
    return true;
  }

  /** Those of a group that wait to be sent; whoever takes them sends them. */
  take(groupId: string): string[] {
    const runs = this.waiting.get(groupId);
    if (!runs) return [];
    this.waiting.delete(groupId);
    return [...runs].flat();
  }

  /** Sends all that wait; resolves when those on their way have arrived too. */
  async flush(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    const all = [...this.waiting];
    this.waiting.clear();
    for (const [groupId, runs] of all) {
      const sending = this.send(groupId, [...runs].flat());
      const arrived = () => void this.sent.delete(sending);
      this.sent.add(sending);
      sending.then(arrived, arrived);
    }
    await Promise.all(this.sent);
  }
}
