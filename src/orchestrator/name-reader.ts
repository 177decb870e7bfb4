import { isCallback } from '../store/entry';
import { kinds } from './kinds';
import type { GroupRecord, GroupReader } from '../store/group-reader';
import { unpackCallback, unpackHead, type Spec } from '../store/spec';

/** Describes groups and entries for log messages and events, with the ids by which they can be looked up. */
export class NameReader {
  constructor(private readonly reader: GroupReader) {}

  /** A group: the swarm "nightly import" (k.pyo3). */
  async group(id: string): Promise<string> {
    return (await this.orNothing(() => this.groupName(id))) ?? id;
  }

  /** Entries of a group: item 3 ("import-file") of the swarm "nightly import" (k.pyo3). */
  async entries(groupId: string, entries: readonly string[]): Promise<string[]> {
    const known = await this.orNothing(() => this.entryNames(groupId, entries));
    return known ?? entries.map((entry) => `entry ${entry} of ${groupId}`);
  }

  async entry(groupId: string, entry: string): Promise<string> {
    return (await this.entries(groupId, [entry]))[0] ?? '';
  }

  /** Redis may be unavailable or hold data that can't be read. Then the caller uses the ids alone. */
  private async orNothing<T>(read: () => Promise<T | undefined>): Promise<T | undefined> {
    try {
      return await read();
    } catch {
      return undefined;
    }
  }

  private async groupName(id: string): Promise<string | undefined> {
    const record = await this.reader.record(id);
    return record && nameOf(record, id);
  }

  private async entryNames(groupId: string, entries: readonly string[]): Promise<string[] | undefined> {
    const items = entries.filter((entry) => !isCallback(entry));
    const [record, heads] = await Promise.all([this.reader.record(groupId), this.reader.heads(groupId, items)]);
    if (!record) return undefined;
    const specs = new Map(items.map((entry, i) => [entry, heads[i] ? unpackHead(heads[i]) : undefined]));
    const named = async (entry: string) =>
      isCallback(entry)
        ? this.callbackName(groupId, record, entry)
        : itemName(groupId, record, entry, specs.get(entry));
    return Promise.all(entries.map(named));
  }

  private async callbackName(groupId: string, record: GroupRecord, entry: string): Promise<string> {
    const packed = await this.reader.callback(groupId, entry);
    if (packed === undefined) return `callback ${entry} of ${nameOf(record, groupId)}`;
    const { kind, source, spec } = unpackCallback(packed);
    const of = source === 'g' ? nameOf(record, groupId) : await this.entry(groupId, source);
    return `the ${kind} callback "${spec.name ?? spec.task}" of ${of}`;
  }
}

function nameOf({ kind, name }: GroupRecord, id: string): string {
  return `the ${kinds[kind].noun} "${name}" (${id})`;
}

function itemName(groupId: string, record: GroupRecord, entry: string, spec: Spec | undefined): string {
  const { isSingle, nounOfItem } = kinds[record.kind];
  if (isSingle) return nameOf(record, groupId);
  const place = nounOfItem(Number(entry));
  return `${place}${spec ? ` ("${spec.name ?? spec.task}")` : ''} of ${nameOf(record, groupId)}`;
}
