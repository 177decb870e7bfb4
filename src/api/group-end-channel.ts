import { RecentMap } from '../utils/recent-map';
import type { Snapshot } from '../store/group-reader';
import type { RedisLike } from '../store/connection';

const remembered = 10_000;

/** What is told of a group that has ended, with its outputs as JSON text when they are small. */
export interface GroupEndMessage extends Pick<Snapshot, 'status' | 'total'> {
  list?: string;
}

/**
 * The one channel of this process on which it is told of the ends of the groups that it has started itself. Who waits for one of
 * them needs no subscription of its own, and need not ask first whether it has ended.
 */
export class GroupEndChannel {
  private connection = 0;
  private isSubscribed = false;
  /** The connection on which the end of a group will be heard, by the group's own channel. */
  private readonly expected = new RecentMap<number>(remembered);
  private readonly ended = new RecentMap<GroupEndMessage>(remembered);

  constructor(private readonly channel: string) {}

  /**
   * Starts a group so that its end is heard.
   * @param group - its own channel
   * @param start - is given the channel that its end is to be told on; undefined while nothing can be heard
   * @param hasStarted - whether that is what has started it
   */
  async startAndSubscribe<T>(
    group: string,
    start: (heardOn: string | undefined) => Promise<T>,
    hasStarted: (reply: T) => boolean,
  ): Promise<T> {
    const { isSubscribed, connection } = this;
    const reply = await start(isSubscribed ? this.channel : undefined);
    if (isSubscribed && hasStarted(reply)) this.expected.set(group, connection);
    return reply;
  }

  /** Whether a group's end has yet to come, and will surely be heard unless the connection is lost. */
  isPending(group: string): boolean {
    return this.isSubscribed && this.expected.get(group) === this.connection && !this.ended.get(group);
  }

  /** How a group has ended, if that was heard. */
  endOf(group: string): GroupEndMessage | undefined {
    return this.ended.get(group);
  }

  /**
   * @param heard - told of each end; its outputs are not remembered for who asks later
   * @param failed - told why a subscription was not made
   */
  listen(
    client: RedisLike,
    heard: (group: string, end: GroupEndMessage) => void,
    failed: (error: unknown) => void,
  ): void {
    client.on('message', (from: string, told: string) => {
      if (from !== this.channel) return;
      const [first, list] = atBreak(told);
      const [status = '', total = ''] = first.split(' ', 2);
      // Copied: a part of a text keeps the whole of it, with its outputs.
      const group = Buffer.from(first.slice(status.length + total.length + 2)).toString();
      const end = { status: status as GroupEndMessage['status'], total: Number(total) };
      this.ended.set(group, end);
      heard(group, list === undefined ? end : { ...end, list });
    });
    client.on('close', () => (this.isSubscribed = false));
    client.on('ready', () => {
      const connection = (this.connection += 1);
      client.subscribe(this.channel).then(() => (this.isSubscribed = connection === this.connection), failed);
    });
  }
}

function atBreak(text: string): [string, string?] {
  const at = text.indexOf('\n');
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}
