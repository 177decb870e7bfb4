import { Redis } from 'ioredis';
import { StoreError } from '../../src';
import { stateKey } from '../helpers/dump';
import { eventually, Fixture, newHatchet } from '../helpers/fixture';
import { OwnCluster } from '../helpers/own-cluster';
import { TaskSet } from '../helpers/task-set';
import { rejection } from '../helpers/outcomes';

// Each node writes what it answers to its disk first. That a master fails over or hands on slots is not promised.
let cluster: OwnCluster;
let fixture: Fixture;
let taskSet: TaskSet;

beforeAll(async () => {
  // A node that is away for a moment only is waited for, not given up.
  cluster = await OwnCluster.open('--cluster-node-timeout', '60000');
  const options = { leaseMs: 1_000, reconcileIntervalMs: 250, commandTimeoutMs: 3_000 };
  fixture = new Fixture(options, newHatchet(), cluster.connect());
  taskSet = new TaskSet(fixture);
  await fixture.worker(taskSet.tasks);
});
afterAll(async () => {
  // Not there when the cluster did not start.
  await (fixture as Fixture | undefined)?.close();
  await (cluster as OwnCluster | undefined)?.close();
});

test('nothing is lost, stuck or done twice when each node is killed and started again in the middle', async () => {
  const { mage } = fixture;
  const each = 40;
  // Of so many groups each node has some.
  const swarms = await Promise.all(
    Array.from({ length: 6 }, async (_, s) =>
      mage.swarm({
        tasks: Array.from({ length: each }, (_, n) => [taskSet.work, { label: `${s}.${n}`, value: n }] as const),
        config: { maxConcurrency: 4 },
        successCallbacks: [await mage.sign(taskSet.callback, { label: `done ${s}` })],
        isSwarmClosed: true,
      }),
    ),
  );
  const bodies = () => taskSet.allExecutions.filter(({ label }) => /^\d/.test(label));
  for (const swarm of swarms) await swarm.runNoWait();
  for (const [i, node] of cluster.nodes.entries()) {
    await eventually('some more bodies have begun', () => bodies().length >= 20 + 50 * i);
    await node.stop();
    await node.start();
    await cluster.formed();
  }
  for (const swarm of swarms) {
    await eventually('a swarm has ended', async () => (await swarm.status()) === 'succeeded');
    await taskSet.settled(swarm);
    const outputs: unknown[] = [];
    for await (const item of swarm.results()) outputs[item.index] = item.output;
    expect(outputs).toEqual(Array.from({ length: each }, (_, n) => n));
  }
  const labels = taskSet.allExecutions.filter(({ label }) => label.startsWith('done ')).map(({ label }) => label);
  expect(labels.sort()).toEqual(swarms.map((_, s) => `done ${s}`));
  // One body for each item: what a node had not answered yet was asked again, not done again.
  expect(new Set(bodies().map(({ label }) => label)).size).toBe(6 * each);
  expect(bodies()).toHaveLength(6 * each);
});

test('what a node was sent before it broke off is not sent again behind the back of the caller', async () => {
  // Patient, so that nothing but the node's end can end the call.
  const patient = fixture.another({ commandTimeoutMs: 60_000 });
  const swarm = await patient.swarm();
  const key = await stateKey(fixture, swarm);
  for (const node of cluster.nodes) {
    const admin = new Redis(node.url);
    admin.on('error', () => undefined);
    // The two others don't have it.
    if ((await admin.exists(key).catch(() => 0)) === 1) {
      await admin.client('PAUSE', 60_000, 'WRITE');
      const adding = rejection(swarm.addTask('work'));
      await eventually('it was sent, and waits', async () => /flags=\w*b/.test(String(await admin.client('LIST'))));
      await node.stop();
      await node.start();
      // Sent again, it would have been told what the node said after its start.
      const error = await adding;
      expect(error).toBeInstanceOf(StoreError);
      expect(error.message).toContain('Connection is closed');
    }
    admin.disconnect();
  }
  await cluster.formed();
  await eventually('it can be asked again', async () => (await swarm.progress()).total === 0);
});
