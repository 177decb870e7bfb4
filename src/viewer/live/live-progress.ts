import type { ViewerReads } from '../source';
import type { ViewParts } from '../views';
import type { LiveView, PublicProgressView } from '../wire';
import { fieldsOf, type Fields } from './fields';
import { LiveWork } from './live-work';

const ended = ['succeeded', 'failed', 'cancelled'];

/** Reads what anybody with a progress token may see, again and again. */
export class LiveProgress {
  private readonly work: LiveWork;
  private name: string | undefined;

  constructor(
    private readonly source: ViewerReads,
    parts: ViewParts,
    private readonly id: string,
    private readonly withName: boolean,
  ) {
    this.work = new LiveWork(source, parts, id);
  }

  pauseMs(): number {
    return this.work.pauseMs();
  }

  async read(): Promise<Fields> {
    const view = publicView(await this.work.view());
    if (!this.withName) return fieldsOf(view);
    this.name ??= (await this.source.describe(this.id, { depth: 0 })).name;
    return fieldsOf({ ...view, name: this.name });
  }
}

function publicView({ status, progress }: LiveView): PublicProgressView {
  const isOver = ended.includes(status);
  if (!progress) {
    // A single item: it counts as a group of one.
    const one = (is: boolean) => (is ? 1 : 0);
    return {
      status,
      total: 1,
      ended: one(isOver),
      succeeded: one(status === 'succeeded'),
      failed: one(status === 'failed'),
      cancelled: one(status === 'cancelled'),
      running: one(status === 'running'),
      queued: one(status === 'queued'),
      waiting: one(status === 'pending' || status === 'suspended'),
    };
  }
  const { total, succeeded, failed, cancelled, running, queued, waiting } = progress;
  const counts = { succeeded, failed, cancelled, running, queued, waiting };
  return { status, total, ended: succeeded + failed + cancelled, ...counts };
}
