import type { Mageflow } from '../mageflow';
import type { ListedSignature } from '../api/list';

const endings = new Set(['succeeded', 'failed', 'cancelled']);

/** Returns the groups, and the tasks that were run by themselves, that have been started. */
async function startedOf(mage: Mageflow): Promise<ListedSignature[]> {
  const found: ListedSignature[] = [];
  let cursor: string | undefined;
  do {
    const page = await mage.list({ limit: 1_000, cursor });
    found.push(...page.items);
    cursor = page.cursor;
  } while (cursor !== undefined);
  return found.filter(({ status }) => status !== 'pending');
}

/** What is left to do in the groups of an instance. */
export class LeftToDo {
  /** The groups whose callbacks have ended too. */
  private readonly over = new Set<string>();

  constructor(private readonly mage: Mageflow) {}

  /** Returns a sentence for each group that has not ended, or whose callbacks have not. */
  async sentences(): Promise<string[]> {
    const sentences: string[] = [];
    for (const { id, status } of await startedOf(this.mage)) {
      if (this.over.has(id) && endings.has(status)) continue;
      const { summary, reasons } = await this.mage.explain(id);
      if (endings.has(status) && !reasons.some(({ code }) => code === 'callback-pending')) this.over.add(id);
      else sentences.push(summary);
    }
    return sentences;
  }
}
