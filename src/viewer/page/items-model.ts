import { signal } from '@preact/signals';
import type { WindowView } from '../wire';
import { addressOf, getJson, problemOf } from './api';

const rowsPerRead = 100;
/** How many rows above those that are seen are read with them. */
const rowsAbove = 30;
const refreshMs = 2_000;

/**
 * The items of a group that can be seen, of any number. The scroller says which position is at the top; the rows around it are
 * read. When items move from state to state, the row at the top stays where it is: windows are read behind an index.
 */
export class ItemsModel {
  /** The position at the top, with a fraction. */
  readonly first = signal(0);
  readonly shown = signal<WindowView | undefined>(undefined);
  readonly problem = signal<string | undefined>(undefined);
  private visible = 20;
  private isReading = false;
  private mustRefresh = false;
  private readonly gone = new AbortController();
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly id: string,
    private readonly state: string | undefined,
  ) {
    void this.read({ at: 0 });
  }

  get count(): number {
    return this.shown.value?.count ?? 0;
  }

  close(): void {
    this.gone.abort();
    clearTimeout(this.timer);
  }

  /** @param rows - how many rows the scroller shows */
  resize(rows: number): void {
    const first = this.first.peek();
    const isAtEnd = first > 0 && first + this.visible >= this.count;
    this.visible = rows;
    this.scrollTo(isAtEnd ? this.count : first);
  }

  scrollTo(position: number): void {
    this.first.value = Math.max(0, Math.min(position, this.count - this.visible));
    this.fill();
  }

  /** Shows the item with this index at the top, or the next one of the state. */
  async jumpTo(index: number): Promise<void> {
    await this.read({ after: index - 1 });
    const { shown } = this;
    if (shown.value) this.scrollTo(shown.value.position);
  }

  /** Reads again what is seen, after a while. */
  refreshSoon(): void {
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      void this.refresh();
    }, refreshMs);
  }

  private async refresh(): Promise<void> {
    if (this.isReading) {
      this.mustRefresh = true;
      return;
    }
    const first = this.first.peek();
    const { position = 0, items = [] } = this.shown.peek() ?? {};
    const top = items[Math.floor(first) - position];
    if (first < 1 || top?.index === undefined) return this.read({ at: Math.max(0, Math.floor(first) - rowsAbove) });
    await this.read({ after: top.index - 1 });
    const found = this.shown.peek()?.position ?? 0;
    this.first.value = Math.max(0, Math.min(found + (first % 1), this.count - this.visible));
    this.fill();
  }

  private fill(): void {
    const { position, items, count } = this.shown.peek() ?? { position: 0, items: [], count: 0 };
    const from = Math.floor(this.first.peek());
    const to = Math.min(count, Math.ceil(this.first.peek() + this.visible));
    if (this.isReading || (from >= position && to <= position + items.length)) return;
    void this.read({ at: Math.max(0, from - rowsAbove) }).then(() => {
      // The scroller may be elsewhere by now.
      if (Math.floor(this.first.peek()) !== from) this.fill();
    });
  }

  private async read(start: { at: number } | { after: number }): Promise<void> {
    this.isReading = true;
    try {
      const query = { state: this.state, limit: rowsPerRead, ...start };
      this.shown.value = await getJson<WindowView>(addressOf(['work', this.id, 'items'], query), this.gone.signal);
      this.problem.value = undefined;
    } catch (error) {
      if (!this.gone.signal.aborted) this.problem.value = problemOf(error);
    } finally {
      this.isReading = false;
    }
    if (!this.mustRefresh || this.gone.signal.aborted) return;
    this.mustRefresh = false;
    this.refreshSoon();
  }
}
