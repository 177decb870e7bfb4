import type { Cluster, Redis } from 'ioredis';
import { refuseUnknown, trueOrFalse, wholeNumber } from '../config/options';
import { findBases, type StoreBase } from '../store/bases';
import { refuseNewerFormat } from '../store/format';
import { GroupReader } from '../store/group-reader';
import { SignatureIndex } from '../store/signature-index';
import { Closing } from '../utils/closing';
import { messageOf } from '../utils/error-message';
import { iterable } from '../utils/iterable';
import { longestTimerMs } from '../utils/timeout';
import { describe, type DescribeOptions } from './describe';
import type { Description } from './described';
import { doctor, type DoctorOptions } from './doctor';
import type { DoctorFinding } from './doctor/finding';
import { explain } from './explain';
import type { Explanation } from './explain/reason';
import { failures, type FailureGroup, type FailuresOptions } from './failures';
import { followProgress, followResults, type Feed } from './group-feed';
import { items, type ItemsOptions, type ItemsWindow } from './items';
import { latestFailures } from './latest-failures';
import { list, type Listing, type ListOptions } from './list';
import { openStore, type ReaderOptions } from './open-store';
import { followedBy, progress } from './progress';
import {
  progressToken,
  verifyProgressToken,
  type ProgressTokenOptions,
  type VerifiedProgressToken,
} from './progress-token';
import type { Reading } from './reading';
import { RunIds } from './run-ids';
import { stats, type Stats, type StatsOptions } from './stats';
import { timeline, type TimelineOptions, type TimelinePoint } from './timeline';
import type { FailedItem, ItemResult, Progress, WatchOptions } from './types';
import { Waiter } from './waiter';

/** Options of `results` of a reader. */
export interface ReadResultsOptions {
  /** True (the default) to wait for more until the group has ended; false for what has ended by now. */
  follow?: boolean | undefined;
  /** Ends the loops by throwing its reason. */
  signal?: AbortSignal | undefined;
}

/** Reads what instances of `Mageflow` have stored, with Redis alone. Its calls take the ids that `mage.load` takes. */
export interface Reader {
  /** The tenant that it reads. */
  readonly tenant: string;
  /** As `mage.list`. */
  list(options?: ListOptions): Promise<Listing>;
  /** As `mage.describe`; without the run ids that only the engine knows. */
  describe(id: string, options?: DescribeOptions): Promise<Description>;
  /** As `mage.failures`, without run ids. */
  failures(id: string, options?: FailuresOptions): Promise<FailureGroup[]>;
  /** As `mage.explain`. The hints say what was not checked, because it does not ask the engine. */
  explain(id: string): Promise<Explanation>;
  /** As `mage.doctor`, without the engine: which workers there are is not checked. */
  doctor(options?: DoctorOptions): Promise<DoctorFinding[]>;
  /** As `mage.items`. */
  items(id: string, options?: ItemsOptions): Promise<ItemsWindow>;
  /** As `mage.timeline`. */
  timeline(id: string, options?: TimelineOptions): Promise<TimelinePoint[]>;
  /** As `mage.stats`. */
  stats(options?: StatsOptions): Promise<Stats>;
  /**
   * Returns the counts of a swarm or chain, of the children of a root, or of a task that was run by itself.
   * @throws NotFoundError, ConfigurationError for a plain item of a group, StoreError
   */
  progress(id: string): Promise<Progress>;
  /** As `mage.progressToken`. */
  progressToken(id: string, options?: ProgressTokenOptions): Promise<string>;
  /** As `mage.verifyProgressToken`. */
  verifyProgressToken(token: string): Promise<VerifiedProgressToken>;
  /** Yields the progress each time it changes, until the end, as `watch` of a swarm. @throws as `progress` */
  watch(id: string, options?: WatchOptions): AsyncIterable<Progress>;
  /** Yields the items in the order of their ends, as `results` of a swarm. @throws as `progress` */
  results(id: string, options?: ReadResultsOptions): AsyncIterable<ItemResult<unknown>>;
  /**
   * Returns the latest failed items among the last 500 that ended, the latest first.
   * @param options - `limit`: how many, from 1 to 500 (default 5)
   * @throws as `progress`
   */
  latestFailures(id: string, options?: { limit?: number | undefined }): Promise<FailedItem[]>;
  /**
   * Finds the stores in this Redis that hold groups, whatever this reader reads. Looks at 200,000 keys of a server at most.
   * @returns `complete`: whether it has looked at all keys
   */
  stores(): Promise<{ stores: StoreBase[]; complete: boolean }>;
  /** As `mage.onClose`. */
  onClose(listener: () => void): () => void;
  /** Closes its connections. Loops end with `ClosedError`. */
  close(): void;
}

const resultFields = new Set(['follow', 'signal']);
const limitFields = new Set(['limit']);
const watchFields = new Set(['signal', 'intervalMs']);

/**
 * Opens a reader: `list`, `describe`, `failures`, `explain`, `doctor`, `stats`, `progress`, `watch` and `results` on Redis
 * alone, for tools and dashboards. It needs no token and no Hatchet client.
 * @param redis - a URL, or an ioredis `Redis` or `Cluster`; the reader works on connections of its own
 * @throws ConfigurationError when an option is invalid; it names the option, the expected value and the given one
 * @example
 * const reader = openReader(process.env.REDIS_URL!, { tenant: '707d0855-80ab-4e1f-a156-f1c4546cbf52' });
 * for (const { id, name, status } of (await reader.list({ status: 'failed' })).items) console.log(id, name, status);
 * reader.close();
 */
export function openReader(redis: Redis | Cluster | string, options: ReaderOptions): Reader {
  const { connection, store } = openStore(redis, options, 'openReader');
  // Reading must not leave a key behind where nothing is.
  connection.admitWith((client) => refuseNewerFormat(client, store.keys.meta()));
  const reader = new GroupReader(store);
  const reading: Reading = { store, reader, signatureIndex: new SignatureIndex(store), runIds: new RunIds() };
  const waiter = new Waiter(store);
  const feed: Feed = { store, reader, waiter };
  const ending = new Closing();
  return {
    tenant: options.tenant,
    list: (listOptions) => list(reading, listOptions),
    describe: (id, describeOptions) => describe(reading, id, describeOptions),
    failures: (id, failuresOptions) => failures(reading, id, failuresOptions),
    explain: (id) => explain(reading, id),
    doctor: (doctorOptions) => doctor(reading, doctorOptions),
    stats: (statsOptions) => stats(reading, statsOptions),
    items: (id, itemsOptions) => items(reading, id, itemsOptions),
    timeline: (id, timelineOptions) => timeline(reading, id, timelineOptions),
    progress: (id) => progress(reading, id),
    progressToken: (id, tokenOptions) => progressToken(reading, id, tokenOptions),
    verifyProgressToken: (token) => verifyProgressToken(reading, token),
    watch: (id, watchOptions = {}) => {
      refuseUnknown(watchOptions, watchFields, 'option of watch');
      const intervalMs = wholeNumber('intervalMs', watchOptions.intervalMs, 1_000, { max: longestTimerMs });
      return iterable(async function* (signal) {
        yield* followProgress(feed, await followedBy(reading, id), intervalMs, signal);
      }, watchOptions.signal);
    },
    results: (id, resultsOptions = {}) => {
      refuseUnknown(resultsOptions, resultFields, 'option of results');
      const follow = trueOrFalse('follow of results', resultsOptions.follow ?? true);
      return iterable(async function* (signal) {
        const items = followResults(feed, await followedBy(reading, id), signal, follow);
        for await (const item of items) yield item as ItemResult<unknown>;
      }, resultsOptions.signal);
    },
    latestFailures: async (id, failuresOptions = {}) => {
      refuseUnknown(failuresOptions, limitFields, 'option of latestFailures');
      const limit = wholeNumber('limit', failuresOptions.limit, 5, { max: 500 });
      return (await latestFailures(feed, (await followedBy(reading, id)).id, limit)) as FailedItem[];
    },
    stores: async () => {
      const { bases, complete } = await findBases(connection);
      return { stores: bases, complete };
    },
    onClose: (listener) => ending.on(listener),
    close: () => {
      ending.tell((error) => options.logger?.error(`a listener of onClose threw: ${messageOf(error)}`));
      waiter.close();
      connection.close();
    },
  };
}
