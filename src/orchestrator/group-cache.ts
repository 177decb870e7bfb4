import { RecentMap } from '../utils/recent-map';
import type { GroupFacts, GroupReader } from '../store/group-reader';
import type { NewGroup } from '../store/group-store';
import { mergeRunOptions, parseOptions, type StoredRunOptions } from '../store/spec';

const rememberedBytes = 16 * 1024 * 1024;

/** What is known of a group, and which version of it that is. */
export type CachedGroup = GroupFacts & { version: string };

/**
 * What this process knows of the groups that it publishes for, so that it isn't read again for each grant. A version that
 * comes with each grant says whether it still holds.
 */
export class GroupCache {
  private readonly known = new RecentMap<CachedGroup>(rememberedBytes, bytesOf);

  constructor(private readonly reader: GroupReader) {}

  async of(groupId: string, version: string): Promise<CachedGroup | undefined> {
    const known = this.known.get(groupId);
    if (known?.version === version) return known;
    const facts = await this.reader.record(groupId);
    if (!facts) return undefined;
    const read = { ...facts, version };
    this.known.set(groupId, read);
    return read;
  }

  /** A group has ended: whatever may still come of it is read. */
  drop(groupId: string): void {
    this.known.delete(groupId);
  }

  /** This process has made a group. @param message - with which it was started at once */
  made(group: NewGroup, version: string, message?: string): void {
    const { id, kind, name, secret, options, runOptions, parent, above = {}, keepResults = true } = group;
    this.known.set(id, {
      kind,
      name,
      secret,
      message: message || undefined,
      options: parseOptions(options, runOptions),
      resultBytes: 0,
      parent: parent && { groupId: parent.groupId, entry: parent.entry, round: parent.round ?? 0 },
      above,
      keepResults,
      version,
    });
  }

  /** This process has started a group with a message. What somebody else has changed since it was made has changed more of its version. */
  started(groupId: string, version: string, message: string, options: StoredRunOptions | undefined): void {
    const known = this.known.get(groupId);
    if (!known || version !== known.version.replace('.0.', '.1.')) return;
    this.known.set(groupId, { ...known, message, options: mergeRunOptions(known.options, options), version });
  }
}

/** About how much memory it takes: two bytes a character at most, and its objects. */
function bytesOf({ name, message = '', options, parent, above }: CachedGroup): number {
  const characters =
    name.length + message.length + (parent?.groupId.length ?? 0) + Object.values(above).join('').length;
  return 2 * (characters + (options ? JSON.stringify(options).length : 0)) + 500;
}
