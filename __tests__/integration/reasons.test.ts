import { createServer, type AddressInfo } from 'node:net';
import { Fixture } from '../helpers/fixture';
import { TaskSet } from '../helpers/task-set';
import { rejection } from '../helpers/outcomes';

const fixture = new Fixture();
const { mage } = fixture;
const taskSet = new TaskSet(fixture);

const fetches = mage.task({ name: 'fetches', fn: ({ port }: { port: number }) => fetch(`http://127.0.0.1:${port}`) });
const all = mage.task({
  name: 'all',
  fn: () =>
    Promise.any([new Error('the first is away'), new Error('the second is full')].map((e) => Promise.reject(e))),
});
const throws = mage.task({
  name: 'throws',
  fn: (): number => {
    // eslint-disable-next-line @typescript-eslint/only-throw-error -- as people do
    throw { code: 5, reason: 'quota' };
  },
});

beforeAll(() => fixture.worker([...taskSet.tasks, fetches, all, throws]));
afterAll(() => fixture.close());

/** A port at which nothing listens. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

test('a body whose fetch is refused fails with what refused it', async () => {
  const port = await freePort();
  const signature = await mage.sign(fetches, { port });
  const error = await rejection(signature.run());
  expect(error.message).toBe(`fetches failed: fetch failed (connect ECONNREFUSED 127.0.0.1:${port})`);
  await expect(mage.describe(signature.id)).resolves.toMatchObject({ error: expect.stringContaining('ECONNREFUSED') });
});

test('a body whose promises were all rejected fails with the reasons of them', async () => {
  const error = await rejection((await mage.sign(all)).run());
  expect(error.message).toBe('all failed: All promises were rejected (the first is away; the second is full)');
});

test('a body that throws an object fails with what is in it', async () => {
  const error = await rejection((await mage.sign(throws)).run());
  expect(error.message).toBe('throws failed: {"code":5,"reason":"quota"}');
});

test("a failed swarm's error callback receives the first reason and the count", async () => {
  const swarm = await mage.swarm({
    tasks: [all, throws],
    errorCallbacks: [await mage.sign(taskSet.callback, { label: 'alert' })],
    config: { maxConcurrency: 1, stopAfterNFailures: 2 },
    isSwarmClosed: true,
  });
  await rejection(swarm.run());
  expect((await taskSet.onlyExecution('alert', swarm)).input['error']).toMatchObject({
    message:
      "2 of the swarm's items failed, the first with: All promises were rejected (the first is away; the second is full)",
    failureCount: 2,
  });
});
