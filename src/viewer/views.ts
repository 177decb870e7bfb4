import type { Description } from '../api/described';
import type { ExplanationReason } from '../api/explain/reason';
import type { FailureGroup } from '../api/failures';
import type { Progress } from '../api/types';
import { errorText, metadataView } from './payloads';
import type { ViewerSettings } from './options';
import type { FailureView, ProgressView, ReasonView, RowView, WorkView } from './wire';

/** What views are made with. */
export interface ViewParts {
  readonly settings: ViewerSettings;
  readonly tenant: string;
}

export function progressView(progress: Progress): ProgressView {
  const { createdAt, startedAt, endedAt, nextStartAt, etaMs, perSecond, ...counts } = progress;
  return withoutUndefined({
    ...counts,
    // More digits would be a change each time.
    perSecond: perSecond >= 10 ? Math.round(perSecond) : Math.round(perSecond * 10) / 10,
    createdAt: createdAt?.getTime(),
    startedAt: startedAt?.getTime(),
    endedAt: endedAt?.getTime(),
    nextStartAt: nextStartAt?.getTime(),
    etaMs: etaMs === undefined ? undefined : Math.round(etaMs / 1_000) * 1_000,
  });
}

/** @param description - of which children and callbacks are left out */
export function rowView(parts: ViewParts, description: Description & { index?: number }): RowView {
  const { id, kind, name, status, index, progress, tags, createdAt, startedAt, endedAt, attempts, runId, error } =
    description;
  return withoutUndefined({
    id,
    kind,
    name,
    status,
    index,
    progress: progress && progressView(progress),
    tags,
    createdAt: createdAt?.getTime(),
    startedAt: startedAt?.getTime(),
    endedAt: endedAt?.getTime(),
    attempts,
    runUrl: runUrl(parts, runId),
    error: errorText(parts.settings, error, { id, name }),
  });
}

export function workView(parts: ViewParts, description: Description): WorkView {
  const { id, name, kind, status, metadata, config, callbacks, runId } = description;
  const isTask = kind === 'task' || kind === 'root';
  return withoutUndefined({
    ...rowView(parts, description),
    metadata: metadataView(parts.settings, metadata, { id, name }),
    config: config && { ...config },
    callbacks: callbacks?.map((callback) => rowView(parts, callback)),
    parent: parentOf(id),
    runId,
    hasOutput: status === 'succeeded',
    hasMessage: isTask && status !== 'succeeded',
  });
}

export function failureView({ settings }: ViewParts, id: string, { text, count, examples }: FailureGroup): FailureView {
  return {
    text: errorText(settings, text, { id, name: text }) ?? '',
    count,
    examples: examples.map(({ index, id: item, name }) => ({ index, id: item, name })),
  };
}

export function reasonView({ code, text, since, entry, hint, reasons }: ExplanationReason): ReasonView {
  return withoutUndefined({
    code,
    text,
    since: since?.getTime(),
    entry,
    hint,
    reasons: reasons?.map(reasonView),
  });
}

/** An id of an item without a signature of its own begins with that of its group. */
function parentOf(id: string): string | undefined {
  return /^(.+)~[^~]+$/.exec(id)?.[1];
}

function runUrl({ settings, tenant }: ViewParts, runId: string | undefined): string | undefined {
  const { hatchetUrl } = settings;
  if (hatchetUrl === undefined || runId === undefined) return undefined;
  return `${hatchetUrl}/tenants/${encodeURIComponent(tenant)}/runs/${encodeURIComponent(runId)}`;
}

/** Leaves out fields that are undefined, as JSON does, so that values can be compared as they were sent. */
function withoutUndefined<T extends object>(value: T): Defined<T> {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined)) as Defined<T>;
}

type Defined<T> = {
  [K in keyof T as undefined extends T[K] ? never : K]: T[K];
} & { [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined> };
