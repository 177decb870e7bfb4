// Without commander: in a chunk that the executable shares with what it loads later, its exports are lost.
import type { ListedSignature, ListOptions } from '../api/list';
import type { Reader } from '../api/open-reader';
import type { Progress } from '../api/types';
import { NotFoundError } from '../config/errors';
import { targetOf, type ConnectionOptions } from './connection';

/** The options that choose groups. */
export interface FilterOptions {
  kind?: string;
  status?: string;
  name?: string;
  tag?: string;
}

/** A listed group, with the counts of its progress unless it is a single task. */
export type ListedRow = ListedSignature & {
  progress?: Pick<Progress, 'total' | 'succeeded' | 'failed' | 'cancelled' | 'closed'>;
};

const pageSize = 1_000;

/** Returns the filters as the library takes them. */
export function filtersOf({ kind, status, name, tag }: FilterOptions): ListOptions {
  return { kind, status, name, tag } as ListOptions;
}

/** Yields the groups that match, newest first, a page at a time. */
export async function* listed(reader: Reader, filters: ListOptions, limit = Infinity): AsyncGenerator<ListedSignature> {
  let cursor: string | undefined;
  let left = limit;
  do {
    const page = await reader.list({ ...filters, limit: Math.min(left, pageSize), cursor });
    yield* page.items;
    left -= page.items.length;
    cursor = page.cursor;
  } while (cursor !== undefined && left > 0);
}

/** Adds the counts of its progress to a listed group. */
export async function withProgress(reader: Reader, item: ListedSignature): Promise<ListedRow> {
  if (item.kind === 'task') return item;
  try {
    const { total, succeeded, failed, cancelled, closed } = await reader.progress(item.id);
    return { ...item, progress: { total, succeeded, failed, cancelled, closed } };
  } catch (error) {
    // It has expired since it was listed.
    if (error instanceof NotFoundError) return item;
    throw error;
  }
}

/** Returns lines that say why nothing was listed, and which stores this Redis has work for. */
export async function whatIsThere(
  reader: Reader,
  options: FilterOptions & ConnectionOptions & { since?: unknown },
): Promise<string[]> {
  const { kind, status, name, tag, since } = options;
  const hasFilter = [kind, status, name, tag, since].some((value) => value !== undefined);
  const isEmpty = (await reader.list({ limit: 1 })).items.length === 0;
  if (!isEmpty && hasFilter) return ['Nothing matches. Without the filters, mageflow list shows what is there.'];
  const { tenant, namespace, keyPrefix = 'mageflow' } = targetOf(options);
  const { stores, complete } = await reader.stores();
  const where = `tenant ${tenant}, ${namespace ? `namespace ${namespace}` : 'no namespace'}, key prefix ${keyPrefix}`;
  const lines = [`Nothing is stored for ${where}.`];
  if (stores.length > 0) lines.push('This Redis has work for:');
  for (const store of stores.slice(0, 20)) {
    const prefix = store.keyPrefix === 'mageflow' ? '' : ` --key-prefix ${store.keyPrefix}`;
    const space = store.namespace === '' ? ` --namespace ''` : ` --namespace ${store.namespace}`;
    lines.push(`  mageflow list --tenant ${store.tenant}${space}${prefix}`);
  }
  if (stores.length > 20) lines.push(`  and ${stores.length - 20} more`);
  if (!complete) lines.push('Only a part of the keys of this Redis was looked at, because it has very many.');
  return lines;
}
