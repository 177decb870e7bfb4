import { engineLimitBytes, type Message } from '../messages/json';
import { defaultResultField } from '../messages/marks';
import { mergeMessages } from '../messages/merge';
import type { Settings } from '../options';
import { readError, type GroupFacts, type GroupReader } from '../store/group-reader';
import { parseMessage, unpackCallback, unpackMessage, unpackSpec, type FiredCallback, type Spec } from '../store/spec';

const reference = 'mageflow.ref';

/** Stands in an input for a value that is too large to travel in it: the wrapper reads it from the store. */
type Reference = { [reference]: 'field' | 'results' };

/** Recognised by identity: a message or an output may hold the same fields. */
const listReference: Reference = { [reference]: 'results' };

/** Puts together what a run gets: from the store when it is published, and again in its wrapper for what is too large. */
export class Inputs {
  constructor(
    private readonly reader: GroupReader,
    private readonly settings: Settings,
  ) {}

  /** The input of an item: the group's message, its own, its bound data. */
  ofItem(facts: GroupFacts, spec: Spec, message: string): Message {
    return mergeMessages(
      parseMessage(facts.message),
      parseMessage(unpackMessage(message).message),
      parseMessage(spec.data),
    );
  }

  /** The input of a fired callback, without loading results that travel by reference anyway. */
  async ofCallback(groupId: string, facts: GroupFacts, fired: FiredCallback): Promise<Message> {
    const data = parseMessage(fired.spec.data);
    if (fired.kind === 'success') {
      return { ...data, [defaultResultField]: await this.resultOf(groupId, facts, fired.source) };
    }
    const { input, failures, count } = await this.failureOf(groupId, facts, fired.source);
    const [first] = failures;
    const message = fired.source === 'g' ? `${count} of the swarm's items failed` : (first?.message ?? '');
    return mergeMessages({ ...input, error: { message, failureCount: count, failures } }, data);
  }

  /** An input as it is sent: values above `maxInlineBytes`, and more if it is still too large, are replaced by references. */
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

  /** Puts back what {@link toSend} replaced. Lists of results above `maxResultBytes` stay out: `tooLarge` says so. */
  async restore(groupId: string, entry: string, received: Message): Promise<{ input: Message; tooLarge: boolean }> {
    const fields = Object.keys(received).filter((field) => isReference(received[field]));
    if (fields.length === 0) return { input: received, tooLarge: false };
    const facts = await this.reader.facts(groupId);
    const whole = facts && (await this.whole(groupId, facts, entry));
    if (!facts || !whole) return { input: received, tooLarge: false };
    const input: Message = { ...received };
    let tooLarge = false;
    for (const field of fields) {
      const value = whole[field];
      if (value !== listReference) input[field] = value;
      else if (facts.resultBytes > this.settings.maxResultBytes) {
        tooLarge = true;
        input[field] = [];
      } else {
        input[field] = await this.resultList(groupId);
      }
    }
    return { input, tooLarge };
  }

  /** The outputs of a group's succeeded items, one after another: for lists of any size. */
  async *results(groupId: string): AsyncGenerator<unknown> {
    const total = (await this.reader.snapshot(groupId))?.total ?? 0;
    for await (const { json } of this.reader.outputs(groupId, total)) yield JSON.parse(json);
  }

  private async whole(groupId: string, facts: GroupFacts, entry: string): Promise<Message | undefined> {
    if (entry.startsWith('c')) {
      const packed = await this.reader.callback(groupId, entry);
      return packed === undefined ? undefined : this.ofCallback(groupId, facts, unpackCallback(packed));
    }
    const item = await this.reader.item(groupId, entry);
    return item && this.ofItem(facts, unpackSpec(item.spec), item.message);
  }

  private async resultOf(groupId: string, facts: GroupFacts, source: string): Promise<unknown> {
    if (source !== 'g') {
      const result = await this.reader.result(groupId, source);
      return JSON.parse(result?.slice(1) || 'null') as unknown;
    }
    if (facts.resultBytes > this.settings.maxInlineBytes) return listReference;
    return this.resultList(groupId);
  }

  private async resultList(groupId: string): Promise<unknown[]> {
    const list: unknown[] = [];
    for await (const output of this.results(groupId)) list.push(output);
    return list;
  }

  private async failureOf(groupId: string, facts: GroupFacts, source: string) {
    if (source === 'g') return { input: parseMessage(facts.message), ...(await this.reader.failures(groupId)) };
    const input = (await this.whole(groupId, facts, source)) ?? {};
    if (!source.startsWith('c')) {
      const [item] = await this.reader.ended(groupId, [Number(source)]);
      const swarm = facts.kind === 'swarm';
      const id = swarm && item ? item.id : groupId;
      const failure = {
        id,
        name: item?.name ?? '',
        ...(swarm ? { index: Number(source) } : {}),
        message: item?.error ?? '',
      };
      return { input, count: 1, failures: [failure] };
    }
    const packed = await this.reader.callback(groupId, source);
    const spec = packed === undefined ? undefined : unpackCallback(packed).spec;
    const message = readError((await this.reader.result(groupId, source))?.slice(1) ?? '');
    return { input, count: 1, failures: [{ id: spec?.id ?? '', name: spec?.name ?? spec?.task ?? '', message }] };
  }
}

function isReference(value: unknown): value is Reference {
  return typeof value === 'object' && value !== null && reference in value && Object.keys(value).length === 1;
}
