import type { ItemsOptions } from '../api/items';
import type { ListOptions } from '../api/list';
import { systemClock, type Clock } from '../utils/clock';
import { SharedReads } from '../utils/shared-reads';
import { ClosedError, NotFoundError } from '../config/errors';
import { Feeds } from './live/feeds';
import type { FeedSource } from './live/feed';
import { LiveList } from './live/live-list';
import { LiveProgress } from './live/live-progress';
import { LiveWork } from './live/live-work';
import { tellAll } from './live/subscriber';
import { payloadView } from './payloads';
import { problemOf, Refusal } from './responses';
import type { ViewerReads } from './source';
import { failureView, reasonView, rowView, workView, type ViewParts } from './views';
import type {
  ChildrenView,
  ExplanationView,
  FailuresView,
  ListView,
  PayloadView,
  TimelineView,
  WindowView,
  WorkView,
} from './wire';

const listLimit = 50;
const failuresAtMost = 10_000;
const answersKept = 500;

/** How old an answer may be that several pages share, in ms. */
const fresh = {
  work: 1_000,
  list: 2_000,
  items: 2_000,
  failures: 5_000,
  explain: 3_000,
  timeline: 5_000,
};

/** Everything that pages read. What several of them want at the same time is read once. */
export class Reads {
  private readonly shared: SharedReads;
  private readonly feeds: Feeds;

  /**
   * @param onClosed - is called when the source turns out to be closed
   * @param clock - by which it reads again; of the process by default
   */
  constructor(
    private readonly source: ViewerReads,
    private readonly parts: ViewParts,
    private readonly onClosed: () => void,
    private readonly clock: Clock = systemClock,
  ) {
    this.shared = new SharedReads(clock, answersKept);
    this.feeds = new Feeds(clock);
  }

  list(query: URLSearchParams): Promise<ListView> {
    const filter = listFilter(query);
    return this.shared.get(`list ${JSON.stringify(filter)}`, fresh.list, () => this.liveList(filter).view());
  }

  listEvents(query: URLSearchParams): ReadableStream<Uint8Array> {
    const filter = listFilter(query);
    return this.feeds.subscribe(`list ${JSON.stringify(filter)}`, () => this.feedSource(this.liveList(filter)));
  }

  work(id: string): Promise<WorkView> {
    return this.shared.get(`work ${id}`, fresh.work, async () =>
      workView(this.parts, await this.source.describe(id, { depth: 0 })),
    );
  }

  /** @throws NotFoundError for an unknown id, before the stream begins */
  async workEvents(id: string): Promise<ReadableStream<Uint8Array>> {
    await this.work(id);
    return this.feeds.subscribe(`work ${id}`, () => this.feedSource(new LiveWork(this.source, this.parts, id)));
  }

  items(id: string, query: URLSearchParams): Promise<WindowView> {
    const options = {
      state: query.get('state') as ItemsOptions['state'],
      after: numberIn(query, 'after'),
      at: numberIn(query, 'at'),
      limit: numberIn(query, 'limit'),
      name: query.get('name'),
    };
    return this.shared.get(`items ${id} ${JSON.stringify(options)}`, fresh.items, async () => {
      const { items, ...window } = await this.source.items(id, options);
      return { items: items.map((item) => rowView(this.parts, item)), ...window };
    });
  }

  async children(id: string, query: URLSearchParams): Promise<ChildrenView> {
    const cursor = query.get('cursor') ?? undefined;
    return this.shared.get(`children ${id} ${cursor ?? ''}`, fresh.items, async () => {
      const { children, cursor: next } = await this.source.describe(id, { depth: 1, limit: listLimit, cursor });
      return {
        children: children.map((child) => rowView(this.parts, child)),
        ...(next === undefined ? {} : { cursor: next }),
      };
    });
  }

  failures(id: string, query: URLSearchParams): Promise<FailuresView> {
    const by = query.get('by') as 'message' | 'name' | null;
    return this.shared.get(`failures ${id} ${by ?? ''}`, fresh.failures, async () => {
      const groups = await this.source.failures(id, { by, atMost: failuresAtMost });
      const looked = groups.reduce((sum, { count }) => sum + count, 0);
      return { groups: groups.map((group) => failureView(this.parts, id, group)), looked };
    });
  }

  explain(id: string): Promise<ExplanationView> {
    return this.shared.get(`explain ${id}`, fresh.explain, async () => {
      const { summary, reasons } = await this.source.explain(id);
      return { summary, reasons: reasons.map(reasonView) };
    });
  }

  timeline(id: string): Promise<TimelineView> {
    return this.shared.get(`timeline ${id}`, fresh.timeline, async () => ({
      points: (await this.source.timeline(id)).map(({ at, ended }) => ({ at: at.getTime(), ended })),
    }));
  }

  async payload(id: string, part: string | null): Promise<PayloadView> {
    if (part !== 'message' && part !== 'output') throw new Refusal(400, 'Expected `part` to be message or output.');
    const description = await this.source.describe(id, { depth: 0, [part]: true });
    return payloadView(this.parts.settings, description[part], { part, id, name: description.name });
  }

  /** @param forMs - the stream ends after so many ms */
  progressEvents({ id, withName }: { id: string; withName: boolean }, forMs: number): ReadableStream<Uint8Array> {
    const source = () => {
      const feed = this.feedSource(new LiveProgress(this.source, this.parts, id, withName));
      // What went wrong is nothing for the public.
      const onError = (error: unknown) => feed.onError(error) && 'The progress is not available at the moment.';
      return { ...feed, onError };
    };
    return this.feeds.subscribe(`progress ${withName} ${id}`, source, { telling: tellAll, forMs });
  }

  /** After a write, nothing that was read before is shown. */
  refresh(): void {
    this.shared.clear();
    this.feeds.hurry();
  }

  close(): void {
    this.feeds.close();
  }

  private liveList(filter: ListOptions): LiveList {
    return new LiveList(this.source, this.parts, this.clock, filter);
  }

  private feedSource(live: Pick<FeedSource, 'read' | 'pauseMs'>): FeedSource {
    return {
      read: () => live.read(),
      pauseMs: () => live.pauseMs(),
      onError: (error) => {
        if (error instanceof ClosedError) this.onClosed();
        if (error instanceof NotFoundError) return undefined;
        return problemOf(error, this.parts.settings).problem.error;
      },
    };
  }
}

/** Returns the options of `list` that an address holds. What is wrong in them, `list` says. */
function listFilter(query: URLSearchParams): ListOptions {
  const since = numberIn(query, 'since');
  return {
    kind: (query.get('kind') ?? undefined) as ListOptions['kind'],
    status: (query.get('status') ?? undefined) as ListOptions['status'],
    name: query.get('name') ?? undefined,
    tag: query.get('tag') ?? undefined,
    cursor: query.get('cursor') ?? undefined,
    since,
    limit: listLimit,
  };
}

/** @throws Refusal */
function numberIn(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null) return undefined;
  if (!/^-?\d{1,15}$/.test(text)) throw new Refusal(400, `Expected \`${name}\` to be a whole number.`);
  return Number(text);
}
