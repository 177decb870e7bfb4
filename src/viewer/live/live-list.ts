import type { Listing, ListOptions } from '../../api/list';
import { NotFoundError } from '../../config/errors';
import type { Clock } from '../../utils/clock';
import type { ViewerReads } from '../source';
import { progressView, rowView, type ViewParts } from '../views';
import type { ListView, RowView, WorkStatus } from '../wire';
import { fieldsOf, type Fields } from './fields';

const rowsMs = 2_000;
/** How often a list is made anew. A filter may have to look at 10,000 groups for it. */
const allMs = 5_000;
const filteredMs = 30_000;
const ended: readonly WorkStatus[] = ['succeeded', 'failed', 'cancelled'];

/** A list with one filter: makes it anew now and then, and meanwhile reads only the rows that are shown. */
export class LiveList {
  private listing: Listing | undefined;
  private listedAt = -Infinity;
  /** Rows of what has ended by the time of the listing. */
  private readonly still = new Map<string, RowView>();

  constructor(
    private readonly source: ViewerReads,
    private readonly parts: ViewParts,
    private readonly clock: Clock,
    private readonly filter: ListOptions,
  ) {}

  pauseMs(): number {
    return rowsMs;
  }

  async read(): Promise<Fields> {
    return fieldsOf(await this.view());
  }

  async view(): Promise<ListView> {
    const { kind, status, name, tag } = this.filter;
    const isFiltered = Boolean(kind ?? status ?? name ?? tag);
    const now = this.clock.elapsed();
    if (!this.listing || now - this.listedAt >= (isFiltered ? filteredMs : allMs)) {
      this.listing = await this.source.list(this.filter);
      this.listedAt = now;
      this.still.clear();
    }
    const { items, cursor } = this.listing;
    const rows = await Promise.all(items.map((item) => this.row(item)));
    const shown = rows.flatMap((row) => row ?? []);
    return {
      order: shown.map(({ id }) => id),
      ...Object.fromEntries(shown.map((row): [`row:${string}`, RowView] => [`row:${row.id}`, row])),
      ...(cursor === undefined ? {} : { cursor }),
    };
  }

  /** Returns undefined for what has expired meanwhile. */
  private async row(item: Listing['items'][number]): Promise<RowView | undefined> {
    const known = this.still.get(item.id);
    if (known) return known;
    try {
      const row = await this.freshRow(item);
      if (ended.includes(row.status)) this.still.set(item.id, row);
      return row;
    } catch (error) {
      if (error instanceof NotFoundError) return undefined;
      throw error;
    }
  }

  private async freshRow({ id, kind, name, tags, createdAt }: Listing['items'][number]): Promise<RowView> {
    // The status of a task or root is more than that of its group.
    if (kind === 'task' || kind === 'root')
      return { ...rowView(this.parts, await this.source.describe(id, { depth: 0 })), createdAt: createdAt.getTime() };
    const progress = progressView(await this.source.progress(id));
    const { status, startedAt, endedAt } = progress;
    return {
      id,
      kind,
      name,
      status,
      progress,
      createdAt: createdAt.getTime(),
      ...(tags ? { tags } : {}),
      ...(startedAt ? { startedAt } : {}),
      ...(endedAt ? { endedAt } : {}),
    };
  }
}
