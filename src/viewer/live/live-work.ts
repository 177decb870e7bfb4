import type { ViewerReads } from '../source';
import { progressView, rowView, type ViewParts } from '../views';
import type { LiveView, WorkKind } from '../wire';
import { fieldsOf, type Fields } from './fields';

const lively = 1_000;
/** Something that has ended changes only when somebody retries it. */
const still = 5_000;

/** Reads one group or item, again and again. */
export class LiveWork {
  private kind: WorkKind | undefined;
  private hasEnded = false;

  constructor(
    private readonly source: ViewerReads,
    private readonly parts: ViewParts,
    private readonly id: string,
  ) {}

  pauseMs(): number {
    return this.hasEnded ? still : lively;
  }

  async read(): Promise<Fields> {
    return fieldsOf(await this.view());
  }

  async view(): Promise<LiveView> {
    const view = await this.freshView();
    this.hasEnded = view.endedAt !== undefined;
    return view;
  }

  private async freshView(): Promise<LiveView> {
    // The counts of a swarm or chain say everything, and cost the least.
    if (this.kind === 'swarm' || this.kind === 'chain') {
      const progress = progressView(await this.source.progress(this.id));
      const { status, startedAt, endedAt } = progress;
      return { status, progress, ...(startedAt ? { startedAt } : {}), ...(endedAt ? { endedAt } : {}) };
    }
    const description = await this.source.describe(this.id, { depth: 0 });
    this.kind = description.kind;
    const { status, progress, startedAt, endedAt, attempts } = rowView(this.parts, description);
    return {
      status,
      ...(progress ? { progress } : {}),
      ...(startedAt ? { startedAt } : {}),
      ...(endedAt ? { endedAt } : {}),
      ...(attempts ? { attempts } : {}),
    };
  }
}
