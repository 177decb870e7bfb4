import { RecentMap } from '../utils/recent-map';
import type { GroupRecord, GroupReader } from '../store/group-reader';
import type { NewGroup } from '../store/group-store';
import { mergeRunOptions, parseOptions, type StoredRunOptions } from '../store/spec';

const rememberedBytes = 16 * 1024 * 1024;

/** The record of a group, and its version. */
export type CachedGroup = GroupRecord & { version: string };

/**
 * Caches the records of the groups for which this process publishes, so that they are not read again for each grant. Each
 * grant contains the group's version, which shows whether the cached record is current.
 */
export class GroupCache {
  private readonly known = new RecentMap<CachedGroup>(rememberedBytes, bytesOf);

  constructor(private readonly reader: GroupReader) {}

  async of(groupId: string, version: string): Promise<CachedGroup | undefined> {
    const known = this.known.get(groupId);
    if (known?.version === version) return known;
    const record = await this.reader.record(groupId);
    if (!record) return undefined;
    const read = { ...record, version };
    this.known.set(groupId, read);
    return read;
  }

  /** Drops a group that has ended. Later work on it reads the record. */
  drop(groupId: string): void {
    this.known.delete(groupId);
  }

  /**
   * Caches a group that this process has created.
   * @param message - the message, if the group was started at once
   */
  made(group: NewGroup, version: string, message?: string): void {
    const { id, kind, name, secret, options, runOptions, parent, above = {}, keepResults = true, labels = {} } = group;
    this.known.set(id, {
      kind,
      name,
      secret,
      message: message || undefined,
      options: parseOptions(options, runOptions),
      resultBytes: 0,
      parent: parent && { groupId: parent.groupId, entry: parent.entry, round: parent.round ?? 0 },
      above,
      labels,
      keepResults,
      version,
    });
  }

  /**
   * Updates a group that this process has started with a message. If another process has changed the group since its
   * creation, the version differs in more than that, and the record is read again.
   */
  started(groupId: string, version: string, message: string, options: StoredRunOptions | undefined): void {
    const known = this.known.get(groupId);
    if (!known || version !== known.version.replace('.0.', '.1.')) return;
    this.known.set(groupId, { ...known, message, options: mergeRunOptions(known.options, options), version });
  }
}

/** The approximate memory of a record in bytes: two per character at most, plus its objects. */
function bytesOf({ name, message = '', options, parent, above, labels }: CachedGroup): number {
  const characters =
    name.length + message.length + (parent?.groupId.length ?? 0) + JSON.stringify([above, labels]).length;
  return 2 * (characters + (options ? JSON.stringify(options).length : 0)) + 500;
}
