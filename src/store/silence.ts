import type { Cluster, Redis } from 'ioredis';
import { runOutsideContext } from '../utils/outside-context';
import { timeLimit } from '../utils/timeout';

type Client = Redis | Cluster;

/**
 * Finds connections that were lost without a word: they answer nothing for ever, and only a new one will.
 *
 * ioredis's own `socketTimeout` does it by a timer, which rings before answers are read that have come while the event loop was
 * blocked, and breaks a healthy connection.
 */
export class Silence {
  private readonly heardAt = new WeakMap<object, number>();

  /** @param limitMs - how long a new connection may give nothing at all */
  constructor(private readonly limitMs: number) {}

  /** Listens to a client from now on. */
  watch(client: Client): void {
    if (isCluster(client)) client.on('+node', (node: Redis) => this.listen(node));
    else this.listen(client);
  }

  /** Breaks the connections that owe an answer and have given nothing since then; they are made anew. */
  breakSince(since: number, client: Client): void {
    for (const node of nodesOf(client)) this.breakNode(since, node);
  }

  private breakNode(since: number, node: Redis): void {
    const { stream, commandQueue } = node as unknown as Internals;
    if (!stream || commandQueue.length === 0 || (this.heardAt.get(stream) ?? since) >= since) return;
    stream.destroy(new Error('Redis has given no answer for too long'));
  }

  private listen(node: Redis): void {
    node.on('connect', () => {
      const { stream } = node;
      const hear = () => void this.heardAt.set(stream, performance.now());
      hear();
      stream.on('data', hear);
      // Until it is ready, nobody's call is sent on it.
      const callOff = runOutsideContext(() => timeLimit(this.limitMs, () => this.breakNode(performance.now(), node)));
      stream.once('data', callOff).once('close', callOff);
    });
  }
}

interface Internals {
  stream?: Redis['stream'];
  commandQueue: { length: number };
}

/** Whether an answer to anything that was sent is still to come. */
export function owesAnswers(client: Client): boolean {
  return nodesOf(client).some((node) => (node as unknown as Internals).commandQueue.length > 0);
}

function nodesOf(client: Client): Redis[] {
  return isCluster(client) ? client.nodes('all') : [client];
}

function isCluster(client: Client): client is Cluster {
  return client.isCluster;
}
