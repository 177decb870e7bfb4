import { isCallback } from '../store/entry';
import { kinds } from './kinds';
import { callbackName, groupName, itemName } from './names';
import type { GroupReader } from '../store/group-reader';

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
    return record && groupName(record, id);
  }

  private async entryNames(groupId: string, entries: readonly string[]): Promise<string[] | undefined> {
    const items = entries.filter((entry) => !isCallback(entry));
    const [record, heads] = await Promise.all([this.reader.record(groupId), this.reader.heads(groupId, items)]);
    if (!record) return undefined;
    const specs = new Map(items.map((entry, i) => [entry, heads[i]]));
    const group = groupName(record, groupId);
    const named = async (entry: string) => {
      if (isCallback(entry)) return this.callbackNameOf(groupId, group, entry);
      // A task that was run by itself has the name and id of its group.
      const { isSingle } = kinds[record.kind];
      return isSingle ? group : `${itemName(record.kind, Number(entry), specs.get(entry))} of ${group}`;
    };
    return Promise.all(entries.map(named));
  }

  private async callbackNameOf(groupId: string, group: string, entry: string): Promise<string> {
    const invoked = await this.reader.callback(groupId, entry);
    if (!invoked) return `callback ${entry} of ${group}`;
    const of = invoked.source === 'g' ? group : await this.entry(groupId, invoked.source);
    return `${callbackName(invoked)} of ${of}`;
  }
}
