import type { GroupRecord } from '../store/group-reader';
import { displayName, type InvokedCallback, type Spec } from '../store/spec';
import { quoted } from '../utils/quoted';
import { kinds } from './kinds';

/** Names a group in a sentence: the swarm "nightly import" (k.pyo3). */
export function groupName({ kind, name }: Pick<GroupRecord, 'kind' | 'name'>, id: string): string {
  return `the ${kinds[kind].noun} ${quoted(name)} (${id})`;
}

/** Names a callback: the success callback "notify". */
export function callbackName({ kind, spec }: Pick<InvokedCallback, 'kind' | 'spec'>): string {
  return `the ${kind} callback ${quoted(displayName(spec))}`;
}

/** Names an item within its group: item 3 ("import-file"). A task that was run by itself has no index: the task "import". */
export function itemName(kind: GroupRecord['kind'], index: number, spec: Spec | undefined): string {
  const { isSingle, nounOfItem } = kinds[kind];
  if (isSingle) return spec ? `the task ${quoted(displayName(spec))}` : 'the task';
  return `${nounOfItem(index)}${spec ? ` (${quoted(displayName(spec))})` : ''}`;
}
