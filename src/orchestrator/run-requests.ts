import { kinds } from './kinds';
import { bytesOf, type Message } from '../messages/json';
import { claimToken } from '../store/executions';
import type { GroupRecord } from '../store/group-reader';
import { invocationId, itemId } from '../store/ids';
import { mergeLabels } from '../store/labels';
import type { Effects } from '../store/replies';
import { displayName, mergeRunOptions, unpackMessage, type InvokedCallback, type Spec } from '../store/spec';
import { writeMetadata, type Claim } from '../hatchet/metadata';
import type { RunRequest } from '../hatchet/client';
import type { RunInputs } from './run-inputs';
import { aboveEntries } from './nesting';
import type { Publication } from './sender';

/** A publication without its callback. */
export type Sendable = Omit<Publication, 'done'>;

/** An entry whose run is requested. */
interface Requested {
  entry: string;
  spec: Spec;
  input: Message;
  callback?: Pick<InvokedCallback, 'kind' | 'source'>;
}

/** A child run inherits the tags of the run that started it unless it has this key. */
const noTags = { 'mageflow.tags': '' };

/** Allowance for the parts of a request other than its input and metadata, in bytes. */
const besideBytes = 500;

function bytesBeside({ additionalMetadata, options }: RunRequest): number {
  let bytes = besideBytes;
  for (const name in additionalMetadata) bytes += bytesOf(additionalMetadata[name] as string);
  return options ? bytes + bytesOf(JSON.stringify(options)) : bytes;
}

/**
 * Builds requests for runs of the engine from granted items and invoked callbacks: the input, the metadata by which users
 * find the run, and the options.
 */
export class RunRequests {
  /** @param mark - the mark of the store, which is part of each claim */
  constructor(
    private readonly inputs: RunInputs,
    private readonly mark: string,
  ) {}

  /** @param known - the spec of the item, and the input if it is a later step of a chain; else the input is merged here */
  ofItem(
    groupId: string,
    record: GroupRecord,
    { entry, spec: packed, message }: Effects['grants'][number],
    known: { spec: Spec; input?: Message | undefined },
  ): Sendable {
    const bytes = known.input ? undefined : bytesOf(packed) + bytesOf(message) + bytesOf(record.message ?? '');
    const whole = known.input ?? this.inputs.ofItem(record, known.spec, message);
    const input = this.inputs.toSend(whole, bytes);
    const options = mergeRunOptions(known.spec.options, unpackMessage(message).options);
    const spec = options ? { ...known.spec, options } : known.spec;
    const request = this.request(groupId, record, { entry, spec, input });
    // An input that is sent as it was stored need not be measured.
    const inputBytes = input === whole && bytes !== undefined ? bytes : bytesOf(JSON.stringify(input));
    return { groupId, entry, request, bytes: inputBytes + bytesBeside(request) };
  }

  /** @param callback - its invocation, and its whole input */
  ofCallback(
    groupId: string,
    record: GroupRecord,
    entry: string,
    { fired, whole }: { fired: InvokedCallback; whole: Message },
  ): Sendable {
    const input = this.inputs.toSend(whole);
    const request = this.request(groupId, record, { entry, spec: fired.spec, input, callback: fired });
    return { groupId, entry, request, bytes: bytesOf(JSON.stringify(input)) + bytesBeside(request) };
  }

  private request(groupId: string, record: GroupRecord, { entry, spec, input, callback }: Requested): RunRequest {
    const grouped = !kinds[record.kind].isSingle;
    const item = !callback;
    const above = aboveEntries(groupId, record);
    const source = callback?.source ?? '';
    const claim: Claim = { groupId, entry, token: claimToken(record.secret, entry), source, store: this.mark };
    // For a task that is run by itself, the options of the run override the options of its signature.
    const given = grouped ? [record.options, spec.options] : [spec.options, record.options];
    const own = item ? mergeRunOptions(...given) : spec.options;
    const labels = mergeLabels(above.labels, spec.labels);
    const options = labels.metadata ? mergeRunOptions({ additionalMetadata: labels.metadata }, own) : own;
    const metadata = {
      signature:
        spec.id ?? (callback ? invocationId(groupId, entry) : grouped ? itemId(groupId, Number(entry)) : groupId),
      swarm: above.swarm ?? '',
      swarmName: above.swarmName ?? '',
      index: grouped && item ? entry : '',
      chain: above.chain ?? '',
      root: above.root ?? '',
      callback: callback?.kind ?? ('' as const),
      name: displayName(spec),
      tags: labels.tags ?? [],
    };
    const { parentRun, parentTask } = above;
    const isChild = item && parentRun !== undefined && parentTask !== undefined;
    return {
      workflowName: spec.task,
      input,
      additionalMetadata: {
        ...writeMetadata(metadata, claim),
        ...(isChild && metadata.tags.length === 0 ? noTags : {}),
      },
      options,
      ...(isChild ? { parent: { runId: parentRun, taskRunId: parentTask, index: Number(entry) } } : {}),
    };
  }
}
