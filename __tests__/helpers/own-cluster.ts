import { Redis, type Cluster } from 'ioredis';
import { clusterAt, eventually } from './fixture';
import { closedPort, OwnRedis } from './own-redis';

/** Three masters of a Redis Cluster, each a server of its own, which share out all slots. None has a replica. */
export class OwnCluster {
  private constructor(readonly nodes: readonly OwnRedis[]) {}

  static async open(...extra: string[]): Promise<OwnCluster> {
    // Ten thousand above its own, where a node listens for the others by itself, is often no port at all.
    const buses = await Promise.all([1, 2, 3].map(closedPort));
    const started = await Promise.allSettled(
      buses.map((bus) => OwnRedis.open('--cluster-enabled', 'yes', '--cluster-port', String(bus), ...extra)),
    );
    const nodes = started.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    const cluster = new OwnCluster(nodes);
    try {
      for (const one of started) if (one.status === 'rejected') throw one.reason;
      await cluster.form(buses);
      return cluster;
    } catch (error) {
      await cluster.close();
      throw error;
    }
  }

  get ports(): number[] {
    return this.nodes.map(({ port }) => port);
  }

  connect(): Cluster {
    return clusterAt(this.ports);
  }

  /** Waits until each node sees all of them, and takes commands. */
  async formed(): Promise<void> {
    for (const node of this.nodes) {
      await withClient(node, (client) =>
        eventually('the cluster is formed', async () => {
          const info = (await client.call('CLUSTER', 'INFO')) as string;
          return info.includes('cluster_state:ok') && info.includes('cluster_known_nodes:3');
        }),
      );
    }
  }

  async close(): Promise<void> {
    for (const node of this.nodes) await node.close();
  }

  private async form(buses: readonly number[]): Promise<void> {
    const slots = 16_384;
    const [first] = this.nodes;
    for (const [i, node] of this.nodes.entries()) {
      const [from, to] = [i, i + 1].map((n) => Math.floor((n * slots) / this.nodes.length)) as [number, number];
      await withClient(node, async (client) => {
        await client.call('CLUSTER', 'ADDSLOTSRANGE', from, to - 1);
        if (first && node !== first) await client.call('CLUSTER', 'MEET', '127.0.0.1', first.port, buses[0] ?? 0);
      });
    }
    await this.formed();
  }
}

async function withClient<T>({ url }: OwnRedis, use: (client: Redis) => Promise<T>): Promise<T> {
  const client = new Redis(url);
  try {
    return await use(client);
  } finally {
    client.disconnect();
  }
}
