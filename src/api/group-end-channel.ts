import { RecentMap } from '../utils/recent-map';
import type { Snapshot } from '../store/group-reader';
import type { RedisLike } from '../store/connection';

const remembered = 10_000;

/** The message about the end of a group, with its outputs as JSON text when they are small. */
export interface GroupEndMessage extends Pick<Snapshot, 'status' | 'total'> {
  list?: string;
}

/**
 * The channel on which this process receives the ends of the groups that it has started. A wait for such a group needs no
 * subscription of its own, and no first read of its state.
 */
export class GroupEndChannel {
  private connection = 0;
  private isSubscribed = false;
  /** The number of the connection on which the end of a group will arrive, by the group's own channel. */
  private readonly expected = new RecentMap<number>(remembered);
  private readonly ended = new RecentMap<GroupEndMessage>(remembered);

  constructor(private readonly channel: string) {}

  /**
   * Starts a group so that its end arrives on this channel.
   * @param group - the channel of the group
   * @param start - receives the channel for its end; undefined while there is no subscription
   * @param hasStarted - whether the reply means that this call has started the group
   */
  async startAndSubscribe<T>(
    group: string,
    start: (endChannel: string | undefined) => Promise<T>,
    hasStarted: (reply: T) => boolean,
  ): Promise<T> {
    const { isSubscribed, connection } = this;
    const reply = await start(isSubscribed ? this.channel : undefined);
    if (isSubscribed && hasStarted(reply)) this.expected.set(group, connection);
    return reply;
  }

  /** Returns whether the end message of a group is still expected on the current connection. */
  isPending(group: string): boolean {
    return this.isSubscribed && this.expected.get(group) === this.connection && !this.ended.get(group);
  }

  /** Returns the end of a group, if it has arrived. */
  endOf(group: string): GroupEndMessage | undefined {
    return this.ended.get(group);
  }

  /**
   * @param onEnd - receives each end; its outputs are not kept for later calls
   * @param failed - receives the error of a failed subscription
   */
  listen(
    client: RedisLike,
    onEnd: (group: string, end: GroupEndMessage) => void,
    failed: (error: unknown) => void,
  ): void {
    client.on('message', (from: string, message: string) => {
      if (from !== this.channel) return;
      const [first, list] = atBreak(message);
      const [status = '', total = ''] = first.split(' ', 2);
      // The copy frees the rest: a slice would keep the whole message in memory, with its outputs.
      const group = Buffer.from(first.slice(status.length + total.length + 2)).toString();
      const end = { status: status as GroupEndMessage['status'], total: Number(total) };
      this.ended.set(group, end);
      onEnd(group, list === undefined ? end : { ...end, list });
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
