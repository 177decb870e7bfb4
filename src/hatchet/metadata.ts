/** Metadata that mageflow puts on every run it publishes: for people to filter by, and for the wrapper to know its own. */
export interface RunMetadata {
  signature: string;
  swarm: string;
  swarmName: string;
  index: string;
  chain: string;
  root: string;
  callback: '' | 'success' | 'error';
  name: string;
}

/** What a run of ours says of itself. */
export interface Claim {
  groupId: string;
  entry: string;
  token: string;
  /** Whose end fired it, for a callback: an entry, or 'g' for the whole group. */
  source: string;
  /** The mark of the store that it is a claim to. */
  store?: string;
  /** Whether its run has entered itself: what the run's metadata says, inherited or made up, is of something else. */
  own?: boolean;
}

const engineParent = 'hatchet__parent_step_run_id';

/** The task run that a run is published under; ours to compare with the engine's own. */
export const parentKey = 'mageflow.parent';

/**
 * All `mageflow.*` keys, the unused ones empty: the engine hands metadata down to child runs, and a missing key would be
 * inherited. `mageflow.parent`, which the engine's call fills in, is the task run that it is published under: by it a run is
 * told from its children.
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
    [parentKey]: '',
    'mageflow.claim': [claim.groupId, claim.entry, claim.token, claim.source, claim.store ?? ''].join(' '),
  };
}

// As ids and entries are made: what somebody made up gets no further, to no name of a key in Redis.
const claimPattern = /^([\w.~-]{1,10000}) (c?\d{1,15}) (\w{1,40})(?: (g|c?\d{1,15})?)?(?: ([0-9a-f]{8})?)?$/;

/** The claim of a run that mageflow published; undefined for every other one, its children with inherited metadata too. */
export function readClaim(metadata: Record<string, string>): Claim | undefined {
  const text = metadata['mageflow.claim'];
  if (!text || (metadata[parentKey] ?? '') !== (metadata[engineParent] ?? '')) return undefined;
  const [, groupId = '', entry = '', token = '', source = '', store] = claimPattern.exec(text) ?? [];
  return token ? { groupId, entry, token, source, ...(store ? { store } : {}) } : undefined;
}

/** What the metadata of a run says of the entry that it has claimed. */
export function metadataOf(claim: Claim, metadata: Record<string, string>): RunMetadata {
  return readMetadata(claim.own ? {} : metadata);
}

/** The opposite of {@link writeMetadata}, for `mageContext()`. */
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
  };
}
