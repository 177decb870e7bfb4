import { RecentMap } from '../utils/recent-map';

const remembered = 10_000;

/** The runs that this process published lately, for handles whose `runId` is read. */
export class RunIds {
  private readonly known = new RecentMap<string>(remembered);

  set(groupId: string, entry: string, runId: string): void {
    this.known.set(`${groupId} ${entry}`, runId);
  }

  get(groupId: string, entry: string): string | undefined {
    return this.known.get(`${groupId} ${entry}`);
  }
}
