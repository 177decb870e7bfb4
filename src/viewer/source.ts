import type { DescribeOptions } from '../api/describe';
import type { Description } from '../api/described';
import type { Explanation } from '../api/explain/reason';
import type { FailureGroup, FailuresOptions } from '../api/failures';
import type { ItemsOptions, ItemsWindow } from '../api/items';
import type { Listing, ListOptions } from '../api/list';
import type { VerifiedProgressToken } from '../api/progress-token';
import type { TimelineOptions, TimelinePoint } from '../api/timeline';
import type { AnySignature, Progress } from '../api/types';
import { ConfigurationError, describe } from '../config/errors';

/** What the viewer reads with: a `Mageflow` or a `Reader`. */
export interface ViewerReads {
  list(options?: ListOptions): Promise<Listing>;
  describe(id: string, options?: DescribeOptions): Promise<Description>;
  failures(id: string, options?: FailuresOptions): Promise<FailureGroup[]>;
  explain(id: string): Promise<Explanation>;
  progress(id: string): Promise<Progress>;
  items(id: string, options?: ItemsOptions): Promise<ItemsWindow>;
  timeline(id: string, options?: TimelineOptions): Promise<TimelinePoint[]>;
  verifyProgressToken(token: string): Promise<VerifiedProgressToken>;
  onClose(listener: () => void): () => void;
}

/** What a `Mageflow` has beyond a `Reader`: it can change what it shows. */
export interface ViewerWrites {
  load(id: string): Promise<AnySignature>;
  readonly hatchet: { readonly tenantId: string };
}

/** A `Mageflow`, or a `Reader` that `openReader` returns. */
export type ViewerSource = ViewerReads & (ViewerWrites | { readonly tenant: string });

/** Returns what changes groups; undefined for a reader. */
export function writesOf(source: ViewerSource): ViewerWrites | undefined {
  return 'load' in source && typeof source.load === 'function' ? source : undefined;
}

export function tenantOf(source: ViewerSource): string {
  return 'tenant' in source ? source.tenant : source.hatchet.tenantId;
}

const reads = [
  'list',
  'describe',
  'failures',
  'explain',
  'progress',
  'items',
  'timeline',
  'verifyProgressToken',
  'onClose',
] as const satisfies readonly (keyof ViewerReads)[];

/** @throws ConfigurationError */
export function checkSource(source: unknown): void {
  const found = source as Record<string, unknown> | null | undefined;
  if (reads.every((name) => typeof found?.[name] === 'function')) return;
  throw new ConfigurationError(
    `createViewer: expected a Mageflow, or a reader that openReader returns, got ${describe(source)}.`,
  );
}
