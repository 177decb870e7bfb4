import { Recent } from '../recent';
import type { Snapshot } from '../store/group-reader';
import type { RedisLike } from '../store/redis';

const remembered = 10_000;

/** A channel on which this process hears of groups' ends, and how often it had been connected anew by then. */
export interface Hearing {
  channel: string;
  connection: number;
}

/** What is told of a group that has ended. */
export type HeardEnd = Pick<Snapshot, 'status' | 'total'>;

/**
 * The one channel of this process on which it is told of the ends of the groups that it has started itself. Who waits for one of
 * them needs no subscription of its own, and need not ask first whether it has ended.
 */
export class HeardEnds {
  private connection = 0;
  private hears = false;
  /** The connection on which the end of a group will be heard, by the group's own channel. */
  private readonly expected = new Recent<number>(remembered);
  private readonly ended = new Recent<HeardEnd>(remembered);

  constructor(private readonly channel: string) {}

  /** What to start a group with, so that its end is heard; undefined while nothing can be heard. */
  get hearing(): Hearing | undefined {
    return this.hears ? { channel: this.channel, connection: this.connection } : undefined;
  }

  /** A group has been started with what `hearing` gave. @param group - its own channel */
  expect(group: string, { connection }: Hearing): void {
    this.expected.set(group, connection);
  }

  /** Whether a group's end has yet to come, and will surely be heard unless the connection is lost. */
  isToCome(group: string): boolean {
    return this.hears && this.expected.get(group) === this.connection && !this.ended.get(group);
  }

  /** How a group has ended, if that was heard. */
  endOf(group: string): HeardEnd | undefined {
    return this.ended.get(group);
  }

  /** @param failed - told why a subscription was not made */
  listen(client: RedisLike, heard: (group: string) => void, failed: (error: unknown) => void): void {
    client.on('message', (from: string, told: string) => {
      if (from !== this.channel) return;
      const [status = '', total = ''] = told.split(' ', 2);
      const group = told.slice(status.length + total.length + 2);
      this.ended.set(group, { status: status as HeardEnd['status'], total: Number(total) });
      heard(group);
    });
    client.on('close', () => (this.hears = false));
    client.on('ready', () => {
      const connection = (this.connection += 1);
      client.subscribe(this.channel).then(() => (this.hears = connection === this.connection), failed);
    });
  }
}
