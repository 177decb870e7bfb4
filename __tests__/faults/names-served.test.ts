import { mageContext } from '../../src';
import { eventually, Fixture, gate } from '../helpers/fixture';

// A name that a wrapped worker served before, and that only a plain one serves now: nothing says when its bodies begin.
const times = { leaseMs: 300, reconcileIntervalMs: 100 };
const fixture = new Fixture(times);
const { mage, hatchet } = fixture;
const held = gate();
const begun: string[] = [];

fixture.onRelease(held.open);
afterAll(() => fixture.close());

async function redisTime(): Promise<number> {
  const [seconds, micros] = await fixture.redis.time();
  return Number(seconds) * 1000 + Number(micros) / 1000;
}

async function servedNames(): Promise<string[]> {
  const key = (await fixture.keys()).find((one) => one.endsWith(':served'));
  return key ? fixture.redis.hkeys(key) : [];
}

test('suspend takes back no run of a name that wrapped workers serve no more, while others are announced', async () => {
  const before = fixture.another(times);
  before.task({ name: 'shared', fn: () => ({}) });
  before.startReconciler();
  await eventually('the name is announced', async () => (await servedNames()).includes('shared'));
  await before.close();
  const others = fixture.another(times);
  others.task({ name: 'unconcerned', fn: () => ({}) });
  others.startReconciler();
  const since = await redisTime();
  await eventually('it was not announced again for many intervals', async () => (await redisTime()) - since > 2_000);
  expect(await servedNames()).toContain('unconcerned');

  const plain = hatchet.task({
    name: 'shared',
    fn: async (_, ctx) => {
      begun.push(ctx.workflowRunId());
      await held.opened;
      return { wrapped: mageContext() !== undefined };
    },
  });
  const worker = await hatchet.worker('plain', { workflows: [plain], slots: 10, handleKill: false });
  const running = worker.start();
  fixture.onClose(async () => {
    await worker.stop();
    await running;
  });
  await worker.waitUntilReady(120_000);

  const swarm = await mage.swarm({ tasks: ['shared'], isSwarmClosed: true });
  await swarm.runNoWait();
  await eventually('its body runs', () => begun.length === 1);
  await swarm.suspend();
  await swarm.resume();
  held.open();
  await eventually('it has ended', async () => (await swarm.status()) === 'succeeded');
  expect(begun).toHaveLength(1);
});
