import { isCallback } from '../store/entry';
import { kinds } from './kinds';
import { StoreError, type Failure } from '../config/errors';
import { engineLimitBytes, type Message } from '../messages/json';
import { childResultsField, defaultResultField } from '../messages/marks';
import { mergeMessages } from '../messages/merge';
import type { Settings } from '../config/options';
import { groupCancelled, groupFailure } from './group-end';
import { readError, type GroupRecord, type GroupReader } from '../store/group-reader';
import { claimToken } from '../store/executions';
import { isChildrenId } from '../store/ids';
import {
  displayName,
  isGroup,
  parseMessage,
  unpackCallback,
  unpackMessage,
  type InvokedCallback,
  type Spec,
} from '../store/spec';

const reference = 'mageflow.ref';

/** Replaces a value that is too large to travel in an input. The wrapper reads the value from the store. */
type Reference = { [reference]: 'field' } | ListReference;
/** Refers to the list of a group's outputs. */
type ListReference = { [reference]: 'results'; of: string; proof: string };

/**
 * Builds the input of a run: from the store when the run is published, and again in the wrapper for values that were too
 * large.
 */
export class RunInputs {
  constructor(
    private readonly reader: GroupReader,
    private readonly settings: Settings,
  ) {}

  /** The input of an item, merged from the group's message, the item's message and the bound data. */
  ofItem(record: GroupRecord, spec: Spec, message: string): Message {
    return mergeMessages(parseMessage(record.message), parseMessage(unpackMessage(message).message), boundData(spec));
  }

  /**
   * The input of a later step of a chain: the result of the step before it, and its bound data.
   * @throws StoreError when Redis no longer has that result
   */
  async ofStep(groupId: string, entry: string, spec: Spec): Promise<Message> {
    const before = await this.reader.result(groupId, String(Number(entry) - 1));
    if (before === undefined) throw new StoreError(forgotten(`the result for step ${entry} of ${groupId}`));
    return mergeMessages({ [defaultResultField]: await this.valueOf(before) }, boundData(spec));
  }

  /**
   * The input of an invoked callback, for its publication.
   * @throws StoreError when Redis came back with older data meanwhile, so that the input may be that of another invocation
   */
  async ofInvokedCallback(groupId: string, record: GroupRecord, entry: string, packed: string): Promise<Message> {
    const input = await this.ofCallback(groupId, record, unpackCallback(packed));
    if ((await this.reader.packedCallback(groupId, entry)) === packed) return input;
    throw new StoreError(forgotten(`the invocation of callback ${entry} of ${groupId}`));
  }

  /** The input of an invoked callback. Results that travel by reference are not loaded. */
  private async ofCallback(groupId: string, record: GroupRecord, fired: InvokedCallback): Promise<Message> {
    const data = boundData(fired.spec);
    if (fired.kind === 'success') {
      const results: Message = { [defaultResultField]: await this.resultOf(groupId, record, fired.source) };
      const children = await this.childrenOf(groupId, fired.source);
      if (children) results[childResultsField] = await this.listOf(children);
      return { ...data, ...results };
    }
    const { input, failures, count, message } = await this.failureOf(groupId, record, fired.source);
    return mergeMessages({ ...input, error: { message, failureCount: count, failures } }, data);
  }

  /**
   * An input as it is sent. References replace values above `maxInlineBytes`, and further ones if the input is still too
   * large.
   * @param knownBytes - an upper bound for the size of the input, so that a small one need not be measured
   */
  toSend(input: Message, knownBytes?: number): Message {
    const limit = this.settings.maxInlineBytes;
    if (knownBytes !== undefined && knownBytes <= limit) return input;
    const sizes = Object.entries(input).map(([field, value]) => ({
      field,
      bytes: Buffer.byteLength(JSON.stringify(value) ?? ''),
    }));
    sizes.sort((a, b) => b.bytes - a.bytes);
    let total = sizes.reduce((sum, { field, bytes }) => sum + field.length + bytes + 4, 2);
    const sent: Message = { ...input };
    for (const { field, bytes } of sizes) {
      if (bytes <= limit && total <= engineLimitBytes) break;
      if (isReference(input[field])) continue;
      sent[field] = { [reference]: 'field' } satisfies Reference;
      total -= bytes;
    }
    return sent;
  }

  /**
   * Restores the values that {@link toSend} replaced. Lists of results above `maxResultBytes` are left empty, and `tooLarge`
   * is set.
   * @returns undefined when the store no longer has the entry
   */
  async restore(
    groupId: string,
    entry: string,
    received: Message,
  ): Promise<{ input: Message; tooLarge: boolean } | undefined> {
    const fields = referencesIn(received);
    const record = await this.reader.record(groupId);
    const whole = record && (await this.whole(groupId, record, entry));
    if (!record || !whole) return undefined;
    const input: Message = { ...received };
    let tooLarge = false;
    for (const field of fields) {
      const value = whole[field];
      const list = isListReference(value) ? await this.reader.record(value.of) : undefined;
      // Without the proof, the value is an output that only looks like a reference.
      if (!isListReference(value) || list === undefined || value.proof !== proofOf(list)) input[field] = value;
      else if (list.resultBytes > this.settings.maxResultBytes) {
        tooLarge = true;
        input[field] = [];
      } else {
        input[field] = await this.resultList(value.of);
      }
    }
    return { input, tooLarge };
  }

  /** The input of an entry for people: a list that travels by reference is only named. Undefined for an unknown entry. */
  async shown(groupId: string, entry: string): Promise<Message | undefined> {
    const record = await this.reader.record(groupId);
    const whole = record && (await this.whole(groupId, record, entry));
    if (!whole) return undefined;
    return Object.fromEntries(
      Object.entries(whole).map(([field, value]) => [field, isListReference(value) ? { resultsOf: value.of } : value]),
    );
  }

  /**
   * Yields the list that a run received, one output at a time and of any size: the outputs of its group, of its root's
   * children, or of the step before it.
   */
  async *results(groupId: string, entry: string, source: string): AsyncGenerator<unknown> {
    const list = await this.listFor(groupId, entry, source);
    for await (const json of this.reader.outputs(list)) yield JSON.parse(json);
  }

  /** The number of failures of the group that a callback reports on, and the first 100: a swarm, or a root's children. */
  async failures(groupId: string, source: string): Promise<{ count: number; failures: Failure[] }> {
    const of = source === 'g' ? groupId : await this.childrenOf(groupId, source);
    return of === undefined ? { count: 0, failures: [] } : this.reader.failures(of);
  }

  private async listFor(groupId: string, entry: string, source: string): Promise<string> {
    if (source !== '' && source !== 'g') {
      const children = await this.childrenOf(groupId, source);
      if (children) return children;
    }
    const record = await this.reader.record(groupId);
    if (source === 'g' && !(record && kinds[record.kind].isSequence)) return groupId;
    const last = async () => String(((await this.reader.snapshot(groupId))?.total ?? 1) - 1);
    const from = source === 'g' ? await last() : source === '' ? String(Number(entry) - 1) : source;
    const result = await this.reader.result(groupId, from);
    return result?.startsWith('s@') ? result.slice(2) : groupId;
  }

  private async whole(groupId: string, record: GroupRecord, entry: string): Promise<Message | undefined> {
    if (isCallback(entry)) {
      const invoked = await this.reader.callback(groupId, entry);
      return invoked && this.ofCallback(groupId, record, invoked);
    }
    const item = await this.reader.item(groupId, entry);
    if (!item) return undefined;
    const { spec, message } = item;
    return isLaterStep(record, entry) ? this.ofStep(groupId, entry, spec) : this.ofItem(record, spec, message);
  }

  private async resultOf(groupId: string, record: GroupRecord, source: string): Promise<unknown> {
    if (source !== 'g') return this.valueOf(await this.reader.result(groupId, source));
    if (!kinds[record.kind].isSequence) return this.listOf(groupId);
    const total = (await this.reader.snapshot(groupId))?.total ?? 1;
    return this.valueOf(await this.reader.result(groupId, String(total - 1)));
  }

  /** The value of a stored result. */
  private async valueOf(result: string | undefined): Promise<unknown> {
    const payload = result?.slice(1) ?? '';
    return payload.startsWith('@') ? this.listOf(payload.slice(1)) : (JSON.parse(payload || 'null') as unknown);
  }

  private async listOf(groupId: string): Promise<unknown> {
    const record = await this.reader.record(groupId);
    if (record && !record.keepResults) return this.reader.counts(groupId);
    return record && record.resultBytes > this.settings.maxInlineBytes
      ? { [reference]: 'results', of: groupId, proof: proofOf(record) }
      : this.resultList(groupId);
  }

  private async resultList(groupId: string): Promise<unknown[]> {
    const list: unknown[] = [];
    for await (const json of this.reader.outputs(groupId)) list.push(JSON.parse(json));
    return list;
  }

  /** The id of the group that holds the children of an ended root. */
  private async childrenOf(groupId: string, source: string): Promise<string | undefined> {
    const group = source === 'g' ? undefined : await this.reader.groupAt(groupId, source);
    return group !== undefined && isChildrenId(group) ? group : undefined;
  }

  private async failureOf(groupId: string, record: GroupRecord, source: string): Promise<Failed> {
    if (source === 'g') return this.groupFailure(groupId, record);
    const input = (await this.whole(groupId, record, source)) ?? {};
    const failure = isCallback(source)
      ? await this.callbackFailure(groupId, source)
      : await this.itemFailure(groupId, record, source);
    const children = await this.childrenOf(groupId, source);
    if (!children) return { input, count: 1, failures: [failure], message: failure.message };
    const below = await this.reader.failures(children);
    // The body of the root succeeded, so only its children failed.
    const own = (await this.reader.bodyEnd(groupId, source))?.startsWith('s') ? [] : [failure];
    return {
      input,
      count: own.length + below.count,
      failures: [...own, ...below.failures].slice(0, 100),
      message: failure.message,
    };
  }

  private async groupFailure(groupId: string, record: GroupRecord): Promise<Failed> {
    const { count, failures } = await this.reader.failures(groupId);
    const { isSequence, ownFailure } = kinds[record.kind];
    const [first] = failures;
    const input =
      isSequence && first?.index !== undefined
        ? ((await this.whole(groupId, record, String(first.index))) ?? {})
        : parseMessage(record.message);
    const snapshot = await this.reader.snapshot(groupId);
    const message =
      snapshot?.status === 'cancelled'
        ? groupCancelled(snapshot)
        : snapshot?.reason === 'timeout'
          ? groupFailure(snapshot, failures)
          : ownFailure({ failed: count, first });
    return { input, count, failures, message };
  }

  private async itemFailure(groupId: string, record: GroupRecord, source: string): Promise<Failure> {
    const [item] = await this.reader.ended(groupId, [Number(source)]);
    const inGroup = !kinds[record.kind].isSingle;
    return {
      id: inGroup && item ? item.id : groupId,
      name: item?.name ?? '',
      ...(inGroup ? { index: Number(source) } : {}),
      message:
        (item?.status === 'cancelled' && (await this.whyAbandoned(groupId, record, source))) || (item?.error ?? ''),
    };
  }

  /**
   * Explains that a task run by itself, or a root's children, were cancelled as abandoned. Undefined for other
   * cancellations.
   */
  private async whyAbandoned(groupId: string, record: GroupRecord, source: string): Promise<string | undefined> {
    const of = (await this.childrenOf(groupId, source)) ?? (kinds[record.kind].isSingle ? groupId : undefined);
    const snapshot = of === undefined ? undefined : await this.reader.snapshot(of);
    return snapshot?.reason === 'abandoned' ? groupCancelled(snapshot) : undefined;
  }

  private async callbackFailure(groupId: string, source: string): Promise<Failure> {
    const spec = await this.reader.head(groupId, source);
    const message = readError((await this.reader.result(groupId, source))?.slice(1) ?? '');
    return { id: spec?.id ?? '', name: spec ? displayName(spec) : '', message };
  }
}

interface Failed {
  input: Message;
  count: number;
  failures: Failure[];
  message: string;
}

/** After this error, the reconciler continues with the data that Redis has. */
const forgotten = (what: string) => `Redis has lost ${what}: it was restarted with older data.`;

/** Returns whether an entry receives the result of the step before it. */
export function isLaterStep(record: GroupRecord, entry: string): boolean {
  return kinds[record.kind].isSequence && entry !== '0' && !isCallback(entry);
}

/** The bound data of a task. A group that is stored by value has its template in that field. */
function boundData(spec: Spec): Message {
  return isGroup(spec) ? {} : parseMessage(spec.data);
}

/** The fields whose values are references. */
export function referencesIn(received: Message): string[] {
  return Object.keys(received).filter((field) => isReference(received[field]));
}

/**
 * The fields whose values are exactly as {@link RunInputs.toSend} makes references, so that user data is hardly mistaken for
 * one.
 */
export function sentReferencesIn(received: Message): string[] {
  return Object.keys(received).filter((field) => {
    const value = received[field];
    if (!isReference(value)) return false;
    return isListReference(value) || (value[reference] === 'field' && Object.keys(value).length === 1);
  });
}

function isReference(value: unknown): value is Reference {
  return typeof value === 'object' && value !== null && reference in value;
}

function isListReference(value: unknown): value is ListReference {
  return isReference(value) && 'of' in value && Object.keys(value).length === 3;
}

/** Proves that mageflow made a reference to a group's list. */
function proofOf({ secret }: GroupRecord): string {
  return claimToken(secret, 'results');
}
