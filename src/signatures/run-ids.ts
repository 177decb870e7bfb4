const remembered = 10_000;

/** The runs that this process published lately, for handles that ask for their run's id. */
export class RunIds {
  private readonly known = new Map<string, string>();

  set(groupId: string, entry: string, runId: string): void {
    this.known.set(`${groupId} ${entry}`, runId);
    if (this.known.size <= remembered) return;
    for (const oldest of this.known.keys()) {
      this.known.delete(oldest);
      break;
    }
  }

  get(groupId: string, entry: string): string | undefined {
    return this.known.get(`${groupId} ${entry}`);
  }
}
