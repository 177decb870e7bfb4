/** Metadata of every run that mageflow publishes. Users filter by it, and the wrapper recognizes its own runs by it. */
export interface RunMetadata {
  signature: string;
  swarm: string;
  swarmName: string;
  index: string;
  chain: string;
  root: string;
  callback: '' | 'success' | 'error';
  name: string;
  /** Of the signature and all groups above it. */
  tags: readonly string[];
}

/** The claim of a run to its entry. */
export interface Claim {
  groupId: string;
  entry: string;
  token: string;
  /** For a callback: the entry whose end invoked it, or 'g' for the whole group. */
  source: string;
  /** The mark of the store to which the claim belongs. */
  store?: string;
  /** True if the run has created its entry itself. Its metadata, inherited or made up, then describes something else. */
  own?: boolean;
}

const engineParent = 'hatchet__parent_step_run_id';

/** The task run under which a run is published. It is compared with the engine's own key. */
export const parentKey = 'mageflow.parent';

/**
 * Writes all `mageflow.*` keys, the unused ones empty: the engine copies metadata to child runs, so a missing key would be
 * inherited. `mageflow.parent` is set when the engine is called, to the task run under which the run is published. It
 * distinguishes a run from its children.
 */
export function writeMetadata(metadata: RunMetadata, claim: Claim): Record<string, string> {
  return {
    'mageflow.signature': metadata.signature,
    'mageflow.swarm': metadata.swarm,
    'mageflow.swarm_name': metadata.swarmName,
    'mageflow.index': metadata.index,
    'mageflow.chain': metadata.chain,
    'mageflow.root': metadata.root,
    'mageflow.callback': metadata.callback,
    'mageflow.name': metadata.name,
    ...(metadata.tags.length > 0 ? { 'mageflow.tags': JSON.stringify(metadata.tags) } : {}),
    [parentKey]: '',
    'mageflow.claim': [claim.groupId, claim.entry, claim.token, claim.source, claim.store ?? ''].join(' '),
  };
}

// The format of generated ids and entries. Made-up text is rejected, so that it never gets into the name of a Redis key.
const claimPattern = /^([\w.~-]{1,10000}) (c?\d{1,15}) (\w{1,40})(?: (g|c?\d{1,15})?)?(?: ([0-9a-f]{8})?)?$/;

/** The claim of a run that mageflow published. Undefined for every other run, including children with inherited metadata. */
export function readClaim(metadata: Record<string, string>): Claim | undefined {
  const text = metadata['mageflow.claim'];
  if (!text || (metadata[parentKey] ?? '') !== (metadata[engineParent] ?? '')) return undefined;
  const [, groupId = '', entry = '', token = '', source = '', store] = claimPattern.exec(text) ?? [];
  return token ? { groupId, entry, token, source, ...(store ? { store } : {}) } : undefined;
}

/** The metadata of a run, as far as it describes the entry that the run has claimed. */
export function metadataOf(claim: Claim, metadata: Record<string, string>): RunMetadata {
  return readMetadata(claim.own ? {} : metadata);
}

/** The inverse of {@link writeMetadata}, for `mageContext()`. */
export function readMetadata(metadata: Record<string, string>): RunMetadata {
  return {
    signature: metadata['mageflow.signature'] ?? '',
    swarm: metadata['mageflow.swarm'] ?? '',
    swarmName: metadata['mageflow.swarm_name'] ?? '',
    index: metadata['mageflow.index'] ?? '',
    chain: metadata['mageflow.chain'] ?? '',
    root: metadata['mageflow.root'] ?? '',
    callback: (metadata['mageflow.callback'] ?? '') as RunMetadata['callback'],
    name: metadata['mageflow.name'] ?? '',
    tags: tagsIn(metadata['mageflow.tags']),
  };
}

/** Whoever may start runs may write metadata, so made-up text must not break a body. */
function tagsIn(text: string | undefined): string[] {
  if (!text) return [];
  try {
    const tags: unknown = JSON.parse(text);
    return Array.isArray(tags) ? tags.filter((tag): tag is string => typeof tag === 'string') : [];
  } catch {
    return [];
  }
}
