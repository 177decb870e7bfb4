// Children that a root's body runs through the SDK are added a few megabytes a script.
import type { GroupStore } from '../../../src/store/group-store';
import { Fixture } from '../../helpers/fixture';

const fixture = new Fixture();
const { mage } = fixture;
const child = mage.task({ name: 'child', fn: ({ n }: { n: number; pad: string }) => ({ n }) });
const count = 60;
const pad = 'x'.repeat(200_000);
const root = mage.rootTask({
  name: 'root',
  fn: async () => {
    await child.runManyNoWait(Array.from({ length: count }, (_, n) => ({ input: { n, pad } })));
    return { ran: true };
  },
});

beforeAll(() => fixture.worker([child, root]));
afterAll(() => fixture.close());

test('dozens of large children of one call are added by several scripts of a few megabytes, and all of them run', async () => {
  const { redis } = (mage as unknown as { scope: { store: GroupStore } }).scope.store;
  const call = redis.call.bind(redis);
  const bytes: number[] = [];
  redis.call = (name, keys, args) => {
    if (name === 'add') bytes.push(args.join('').length);
    return call(name, keys, args);
  };
  const signature = await mage.sign(root, {});
  expect(await signature.run()).toEqual({ ran: true });
  expect(await (await signature.children()).progress()).toMatchObject({ total: count, succeeded: count });
  expect(Math.max(...bytes)).toBeLessThan(4.5 * 1024 * 1024);
  expect(bytes.length).toBeGreaterThan(1);
}, 120_000);
