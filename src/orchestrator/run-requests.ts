import { bytesOf, type Message } from '../messages/json';
import { claimToken } from '../store/group-executions';
import type { GroupFacts } from '../store/group-reader';
import { invocationId, itemId } from '../store/ids';
import type { Effects } from '../store/replies';
import { mergeRunOptions, unpackMessage, type InvokedCallback, type Spec } from '../store/spec';
import { writeMetadata, type Claim } from '../hatchet/metadata';
import type { RunRequest } from '../hatchet/client';
import type { RunInputs } from './run-inputs';
import { aboveEntries } from './nesting';
import type { Publication } from './sender';

/** What is given to the sender, but for who is told of it. */
export type Sendable = Omit<Publication, 'done'>;

/** What travels beside an input and its metadata, in bytes. */
const besideBytes = 500;

function bytesBeside({ additionalMetadata, options }: RunRequest): number {
  let bytes = besideBytes;
  for (const name in additionalMetadata) bytes += bytesOf(additionalMetadata[name] as string);
  return options ? bytes + bytesOf(JSON.stringify(options)) : bytes;
}

/** Makes requests for runs of the engine out of what is granted: their inputs, the metadata by which people find them, their options. */
export class RunRequests {
  /** @param mark - of the store, in each claim */
  constructor(
    private readonly inputs: RunInputs,
    private readonly mark: string,
  ) {}

  /** @param stepInput - what a later step of a chain gets */
  ofItem(
    groupId: string,
    facts: GroupFacts,
    { entry, spec: packed, message }: Effects['grants'][number],
    spec: Spec,
    stepInput?: Message,
  ): Sendable {
    const known = stepInput ? undefined : bytesOf(packed) + bytesOf(message) + bytesOf(facts.message ?? '');
    const whole = stepInput ?? this.inputs.ofItem(facts, spec, message);
    const input = this.inputs.toSend(whole, known);
    const options = mergeRunOptions(spec.options, unpackMessage(message).options);
    if (options) spec.options = options;
    const request = this.request(groupId, facts, entry, spec, input);
    // What is sent as it was stored needs no counting.
    const inputBytes = input === whole && known !== undefined ? known : bytesOf(JSON.stringify(input));
    return { groupId, entry, request, bytes: inputBytes + bytesBeside(request) };
  }

  ofCallback(groupId: string, facts: GroupFacts, entry: string, fired: InvokedCallback, whole: Message): Sendable {
    const input = this.inputs.toSend(whole);
    const request = this.request(groupId, facts, entry, fired.spec, input, fired);
    return { groupId, entry, request, bytes: bytesOf(JSON.stringify(input)) + bytesBeside(request) };
  }

  private request(
    groupId: string,
    facts: GroupFacts,
    entry: string,
    spec: Spec,
    input: Message,
    callback?: Pick<InvokedCallback, 'kind' | 'source'>,
  ): RunRequest {
    const grouped = facts.kind !== 'task';
    const item = !callback;
    const above = aboveEntries(groupId, facts);
    const source = callback?.source ?? '';
    const claim: Claim = { groupId, entry, token: claimToken(facts.secret, entry), source, store: this.mark };
    const metadata = {
      signature:
        spec.id ?? (callback ? invocationId(groupId, entry) : grouped ? itemId(groupId, Number(entry)) : groupId),
      swarm: above.swarm ?? '',
      swarmName: above.swarmName ?? '',
      index: grouped && item ? entry : '',
      chain: above.chain ?? '',
      root: above.root ?? '',
      callback: callback?.kind ?? ('' as const),
      name: spec.name ?? spec.task,
    };
    // What a task by itself was run with counts more than what it was signed with.
    const given = grouped ? [facts.options, spec.options] : [spec.options, facts.options];
    const options = item ? mergeRunOptions(...given) : spec.options;
    const { parentRun, parentTask } = above;
    return {
      workflowName: spec.task,
      input,
      additionalMetadata: writeMetadata(metadata, claim),
      options,
      ...(item && parentRun && parentTask
        ? { parent: { runId: parentRun, taskRunId: parentTask, index: Number(entry) } }
        : {}),
    };
  }
}
