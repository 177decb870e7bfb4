import { eventually, Fixture } from '../../helpers/fixture';
import { Pieces } from '../../helpers/pieces';

// A record of where a signature is lives for both together, unless somebody renews it; long enough for a slow machine's the reconciler.
const retention = { finishedMs: 1_000, abandonedMs: 8_000 };
const fixture = new Fixture({ leaseMs: 500, reconcileIntervalMs: 100, retention });
const pieces = new Pieces(fixture);
const { mage } = fixture;

beforeAll(() => fixture.worker(pieces.tasks));
afterAll(() => fixture.close());

test('signatures and callbacks of what lives are found by their ids, however long it lives', async () => {
  const callback = await mage.sign(pieces.note);
  const signed = await mage.sign(pieces.piece, { tag: 'found', hold: 'found' }, { successCallbacks: [callback] });
  const swarm = await mage.swarm({ tasks: [signed], isSwarmClosed: true });
  await swarm.runNoWait({});
  await pieces.begun('found');
  const clock = `${fixture.keyPrefix}:clock`;
  await fixture.redis.set(clock, '', 'PX', retention.finishedMs + retention.abandonedMs + 2_000);
  await eventually('a record has had time to expire', async () => (await fixture.redis.exists(clock)) === 0);
  expect(await (await mage.load(signed.id)).status()).toBe('running');
  expect(await (await mage.load(callback.id)).status()).toBe('pending');
  pieces.open('found');
  await eventually('the swarm has ended', async () => (await swarm.status()) === 'succeeded');
});
