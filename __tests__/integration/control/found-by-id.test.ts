import { eventually, Fixture } from '../../helpers/fixture';
import { TaskSet } from '../../helpers/task-set';

// A record of where a signature is lives for both together, unless somebody renews it; long enough for a slow machine's the reconciler.
const retention = { finishedMs: 1_000, abandonedMs: 8_000 };
const fixture = new Fixture({ leaseMs: 500, reconcileIntervalMs: 100, retention });
const taskSet = new TaskSet(fixture);
const { mage } = fixture;

beforeAll(() => fixture.worker(taskSet.tasks));
afterAll(() => fixture.close());

test('signatures and callbacks of what lives are found by their ids, however long it lives', async () => {
  const callback = await mage.sign(taskSet.callback);
  const signed = await mage.sign(taskSet.work, { label: 'found', waitFor: 'found' }, { successCallbacks: [callback] });
  const swarm = await mage.swarm({ tasks: [signed], isSwarmClosed: true });
  await swarm.runNoWait({});
  await taskSet.started('found');
  const clock = `${fixture.keyPrefix}:clock`;
  await fixture.redis.set(clock, '', 'PX', retention.finishedMs + retention.abandonedMs + 2_000);
  await eventually('a record has had time to expire', async () => (await fixture.redis.exists(clock)) === 0);
  expect(await (await mage.load(signed.id)).status()).toBe('running');
  expect(await (await mage.load(callback.id)).status()).toBe('pending');
  taskSet.openGate('found');
  await eventually('the swarm has ended', async () => (await swarm.status()) === 'succeeded');
});
