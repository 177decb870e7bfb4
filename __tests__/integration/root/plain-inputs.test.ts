// A plain run of a root task takes every input that a plain run of another task takes.
import { Fixture, newHatchet } from '../../helpers/fixture';

class Connection {
  readonly open = () => true;
}

const client = newHatchet().withMiddleware({
  before: (input) => ({ ...input, connection: new Connection() }),
});
const fixture = new Fixture({}, client as never);
const { mage } = fixture;
const bodies: Record<string, unknown>[] = [];
const child = mage.task({ name: 'child', fn: () => ({ ok: 1 }) });
const root = mage.rootTask({
  name: 'root',
  retries: 0,
  fn: async (input: Record<string, unknown>) => {
    bodies.push(input);
    await child.runNoWait({});
    return { keys: Object.keys(input).sort() };
  },
});

beforeAll(() => fixture.worker([child, root]));
afterAll(() => fixture.close());
beforeEach(() => bodies.splice(0));

test('keys that messages may not have are no reason to try it until its time is over', async () => {
  const input = JSON.parse('{"constructor":{"name":"x"},"prototype":1,"a":{"constructor":2}}') as Record<
    string,
    unknown
  >;
  const { keys } = (await root.run(input as never)) as { keys: string[] };
  expect(keys).toEqual(['a', 'connection', 'constructor', 'prototype']);
  expect(bodies).toHaveLength(1);
  expect(Object.hasOwn(bodies[0] ?? {}, 'constructor')).toBe(true);
});

test('what before-middleware adds reaches the body, and need not be JSON', async () => {
  await root.run({ n: 1 } as never);
  expect(bodies).toMatchObject([{ n: 1, connection: expect.any(Connection) as Connection }]);
});
