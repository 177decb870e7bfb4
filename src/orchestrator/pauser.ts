import type { GroupReader } from '../store/group-reader';
import type { Commands } from './commands';

/** Pauses groups because an item below them has backed off. */
export class Pauser {
  constructor(
    private readonly reader: GroupReader,
    private readonly commands: Commands,
  ) {}

  /** Pauses the nearest group above a group that has a rate limit, if there is one. @param ms - of several pauses the latest end counts */
  async above(groupId: string, ms: number): Promise<void> {
    let { parentId } = await this.reader.pacing(groupId);
    while (parentId) {
      const parent = await this.reader.pacing(parentId);
      if (parent.isLimited) {
        await this.commands.pause(parentId, ms);
        return;
      }
      ({ parentId } = parent);
    }
  }
}
