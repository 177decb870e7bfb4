import type { Cluster, Redis } from 'ioredis';
import type { Clock } from '../utils/clock';
import { timeLimit } from '../utils/timeout';

type Client = Redis | Cluster;

/** The share of the limit that must have passed: `timeLimit` adds up several timers, and each may fire slightly early. */
const almost = 0.9;

/**
 * Detects connections that were lost without an error: they never reply again and have to be replaced.
 *
 * ioredis's own `socketTimeout` uses a timer. After the event loop was blocked, this timer fires before replies that have
 * arrived are read, and would break a healthy connection.
 */
export class DeadConnections {
  private readonly receivedAt = new WeakMap<object, number>();

  /** @param limitMs - how long a connection may owe a reply and send nothing, in ms */
  constructor(
    private readonly limitMs: number,
    private readonly clock: Clock,
  ) {}

  /** Starts to observe the connections of a client. */
  watch(client: Client): void {
    if (isCluster(client)) client.on('+node', (node: Redis) => this.listen(node));
    else this.listen(client);
  }

  /**
   * Breaks the connections that owe a reply and have sent nothing since this time. ioredis replaces them.
   *
   * Does nothing before the whole limit is over. A command that has waited for its connection has little of its own limit
   * left, and a break would fail all other commands of a connection that has just been made.
   */
  breakSince(since: number, client: Client): void {
    if (this.clock.elapsed() - since < this.limitMs * almost) return;
    for (const node of nodesOf(client)) this.breakNode(since, node);
  }

  private breakNode(since: number, node: Redis): void {
    const { stream, commandQueue } = node as unknown as Internals;
    if (!stream || commandQueue.length === 0 || (this.receivedAt.get(stream) ?? since) >= since) return;
    stream.destroy(new Error('Redis has given no answer for too long'));
  }

  private listen(node: Redis): void {
    node.on('connect', () => {
      const { stream } = node;
      const onData = () => void this.receivedAt.set(stream, this.clock.elapsed());
      onData();
      stream.on('data', onData);
      // No call is sent on a connection before it is ready, so no call would detect its silence.
      const callOff = timeLimit(this.clock, this.limitMs, () => this.breakNode(this.clock.elapsed(), node));
      stream.once('data', callOff).once('close', callOff);
    });
  }
}

interface Internals {
  stream?: Redis['stream'];
  commandQueue: { length: number };
}

/** Returns whether a reply to any command that was sent is still outstanding. */
export function owesAnswers(client: Client): boolean {
  return nodesOf(client).some((node) => (node as unknown as Internals).commandQueue.length > 0);
}

function nodesOf(client: Client): Redis[] {
  return isCluster(client) ? client.nodes('all') : [client];
}

function isCluster(client: Client): client is Cluster {
  return client.isCluster;
}
