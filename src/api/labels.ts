import { ConfigurationError, describe } from '../config/errors';
import { refuseUnknown, wholeNumber } from '../config/options';
import { checkBytes, maxOptionsBytes, text } from '../config/text';
import type { GroupRetention, Labels } from '../store/labels';
import { checkMetadata } from './metadata';

/** Options of `swarm`, `chain` and `sign` by which a task or group is found again, and for how long. */
export interface LabelOptions {
  /** `list` finds it by these, and its bodies see them in `mageContext()`. At most 20, each of 1 to 100 characters. */
  tags?: readonly string[] | undefined;
  /**
   * Shown by `describe`, and the engine's additional metadata of each of its runs. Keys that start with `mageflow.` are
   * refused.
   */
  metadata?: Record<string, string> | undefined;
  /**
   * For how long it is kept, instead of the instance's `retention`, in milliseconds. Inside another group, that group's
   * counts.
   */
  retention?: { finishedMs?: number | undefined; abandonedMs?: number | undefined } | undefined;
}

export const labelFields = ['tags', 'metadata', 'retention'] as const;

const retentionFields = new Set(['finishedMs', 'abandonedMs']);
const mostTags = 20;
const longestTag = 100;

/** Checks labels. Returns copies, which the caller can't change any more. @throws ConfigurationError, InvalidMessageError */
export function checkLabels(
  { tags, metadata, retention }: LabelOptions,
  what: string,
): { labels?: Labels; retention?: GroupRetention } {
  const labels: Labels = {};
  if (tags !== undefined && tags !== null) labels.tags = checkTags(tags, what);
  if (metadata !== undefined && metadata !== null) {
    labels.metadata = checkMetadata('metadata', metadata, what);
    checkBytes(`the metadata of ${what}`, JSON.stringify(labels.metadata), maxOptionsBytes);
  }
  const kept = retention === undefined || retention === null ? undefined : checkRetention(retention, what);
  const isLabelled = (labels.tags?.length ?? 0) > 0 || Object.keys(labels.metadata ?? {}).length > 0;
  return { ...(isLabelled ? { labels } : {}), ...(kept ? { retention: kept } : {}) };
}

function checkTags(tags: readonly string[], what: string): string[] {
  if (!Array.isArray(tags) || tags.length > mostTags) {
    const came = Array.isArray(tags) ? `${tags.length} of them` : describe(tags);
    throw new ConfigurationError(`tags of ${what}: expected a list of at most ${mostTags} texts, got ${came}.`);
  }
  return [...new Set(tags.map((tag) => checkTag(`tags of ${what}`, tag)))];
}

/** @throws ConfigurationError, InvalidMessageError */
export function checkTag(what: string, tag: unknown): string {
  const given = text(tag as string, what);
  if (given === undefined || given.length > longestTag)
    throw new ConfigurationError(`${what}: expected texts of 1 to ${longestTag} characters, got ${describe(tag)}.`);
  return given;
}

function checkRetention(retention: NonNullable<LabelOptions['retention']>, what: string): GroupRetention {
  refuseUnknown(retention, retentionFields, 'field of retention');
  const kept: GroupRetention = {};
  for (const field of ['finishedMs', 'abandonedMs'] as const) {
    const value = retention[field];
    if (value !== undefined && value !== null) kept[field] = wholeNumber(`retention.${field} of ${what}`, value, 1);
  }
  return kept;
}
