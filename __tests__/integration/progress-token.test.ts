// A token is for an id, whatever becomes of what has it.
import { Fixture, gate } from '../helpers/fixture';

const fixture = new Fixture();
const { mage } = fixture;
afterAll(() => fixture.close());

test('a token goes on to show what it was made for, also when that is created by its start', async () => {
  const held = gate();
  fixture.onRelease(held.open);
  const row = mage.task({
    name: 'row',
    fn: async () => {
      await held.opened;
      return {};
    },
  });
  const root = mage.rootTask({
    name: 'root',
    fn: async () => {
      await (await mage.sign(row)).runNoWait({});
      return {};
    },
  });
  await fixture.worker([row, root]);
  const nested = await mage.swarm({ name: 'nested', tasks: [[row, {}]], isSwarmClosed: true });
  const signed = await mage.sign(root);
  const swarm = await mage.swarm({ tasks: [nested, signed, [row, {}]], isSwarmClosed: true });
  const alone = await mage.sign(root);
  await alone.runNoWait({});
  const ids = [swarm.id, nested.id, signed.id, alone.id];
  const tokens = await Promise.all(ids.map((id) => mage.progressToken(id)));
  const stands = async () => Promise.all(tokens.map((token) => mage.verifyProgressToken(token)));
  const all = ids.map((id) => expect.objectContaining({ state: 'valid', id }));
  expect(await stands()).toEqual(all);
  await swarm.runNoWait({});
  await signed.children();
  expect(await stands()).toEqual(all);
  held.open();
  await Promise.all([swarm.wait(), alone.wait()]);
  expect(await stands()).toEqual(all);
});

test('a key that is used again after a removal makes a group that old tokens do not show', async () => {
  const row = mage.task({ name: 'keyed-row', fn: () => ({}) });
  const make = () => mage.swarm({ key: 'nightly', tasks: [[row, {}]] });
  const first = await make();
  const token = await mage.progressToken(first.id);
  await first.remove();
  expect(await mage.verifyProgressToken(token)).toEqual({ state: 'gone' });
  const second = await make();
  expect(second.id).toBe(first.id);
  expect(await mage.verifyProgressToken(token)).toEqual({ state: 'invalid' });
});

test('onClose calls its listener once when the instance closes, and at once when it is closed already', async () => {
  const closing = fixture.another();
  const called: string[] = [];
  closing.onClose(() => called.push('first'));
  closing.onClose(() => {
    throw new Error('a listener of the test');
  });
  closing.onClose(() => called.push('last'));
  closing.onClose(() => called.push('removed'))();
  await Promise.all([closing.close(), closing.close()]);
  expect(called).toEqual(['first', 'last']);
  closing.onClose(() => called.push('late'));
  expect(called).toEqual(['first', 'last', 'late']);
  expect(fixture.log.lines).toContainEqual(expect.stringContaining('a listener of the test'));
  expect(() => mage.onClose(1 as never)).toThrow('onClose: expected a listener function');
});
