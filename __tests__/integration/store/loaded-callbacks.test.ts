// What is loaded works as a callback as what was signed does.
import { ConfigurationError } from '../../../src';
import type { AnySignature } from '../../../src/api/types';
import { eventually } from '../../helpers/fixture';
import { Instant } from '../../helpers/instant-mage';

const instant = new Instant();
const { mage, engine } = instant;
const seen: Record<string, unknown>[] = [];
const item = mage.task({
  name: 'item',
  fn: (input: Record<string, unknown>, ctx) => (seen.push({ ...input, of: ctx.additionalMetadata()['of'] }), { ok: 1 }),
});

beforeAll(() => engine.serve(item as never));
beforeEach(() => seen.splice(0));
afterAll(() => instant.close());

/** The bodies that run as this callback of an empty swarm. */
async function fired(callback: AnySignature, bodies: number): Promise<Record<string, unknown>[]> {
  const swarm = await mage.swarm({ successCallbacks: [callback as never], isSwarmClosed: true });
  const before = seen.length;
  await swarm.runNoWait({});
  await eventually('the callback has run', () => seen.length === before + bodies);
  return seen.slice(before).map(({ step, channel, of }) => ({ step, channel, of }));
}

test('a chain that has been run and is loaded runs with what is bound to its steps, as the one that was made', async () => {
  const last = await mage.sign(item, { step: 3 }, { name: 'last' });
  const inner = await mage.chain([await mage.sign(item, { step: 2 }), last]);
  const chain = await mage.chain([await mage.sign(item, { step: 1 }), inner as never], { name: 'notify' });
  await chain.run({});
  const steps = [{ step: 1 }, { step: 2 }, { step: 3 }];
  expect(await fired(chain as never, 3)).toEqual(steps);
  expect(await fired(await mage.load(chain.id), 3)).toEqual(steps);
  expect(await fired(await mage.load(inner.id), 2)).toEqual(steps.slice(1));
  expect(await fired(await mage.load(last.id), 1)).toEqual(steps.slice(2));
});

test('a task or chain that has ended and is loaded keeps what is bound to it, and not what it was run with', async () => {
  const options = { additionalMetadata: { of: 'the signature' } };
  const given = { additionalMetadata: { of: 'the run' } };
  const task = await mage.sign(item, { channel: 'ops' }, options);
  await task.run({ step: 7 } as never, given);
  expect(await fired(await mage.load(task.id), 1)).toEqual([{ channel: 'ops', of: 'the signature' }]);
  const chain = await mage.chain([await mage.sign(item, { channel: 'ops' })], options);
  await chain.run({ step: 7 } as never, given);
  expect(await fired(await mage.load(chain.id), 1)).toEqual([{ channel: 'ops', of: 'the signature' }]);
  expect(seen.map(({ of }) => of)).toEqual(['the run', 'the signature', 'the run', 'the signature']);
});

test('an item of a swarm that has lost what was bound to it is refused as a callback by name', async () => {
  const bound = await mage.sign(item, { channel: 'ops' }, { name: 'tell ops' });
  const swarm = await mage.swarm({ tasks: [bound, item], isSwarmClosed: true });
  await swarm.run({});
  const loaded = await mage.load(bound.id);
  const refused = mage.swarm({ successCallbacks: [loaded as never] });
  await expect(refused).rejects.toThrow(ConfigurationError);
  await expect(refused).rejects.toThrow('"tell ops"');
  await expect(refused).rejects.toThrow('its bound data is not stored any more');
  expect(await fired(await mage.load(`${swarm.id}~1`), 1)).toEqual([{}]);
});
