import { z } from 'zod';
import { returnValue } from '../../../src';
import { Fixture } from '../../helpers/fixture';
import { Pieces } from '../../helpers/pieces';

const fixture = new Fixture();
const { mage } = fixture;
const pieces = new Pieces(fixture);
const { piece, note } = pieces;
const rows = z.array(z.object({ size: z.number() }));
const extract = mage.task({
  name: 'extract',
  input: z.object({ sizes: z.array(z.number()) }),
  fn: ({ sizes }) => sizes.map((size) => ({ size })),
});
const sum = mage.task({
  name: 'sum',
  input: z.object({ rows: returnValue(rows), factor: z.number().default(1) }),
  fn: (input) => ({ total: input.factor * input.rows.reduce((all, { size }) => all + size, 0) }),
});

beforeAll(async () => {
  await fixture.worker([...pieces.tasks, extract, sum]);
});
afterAll(() => fixture.close());

test('each step gets the output of the one before as returnValue, and run gives the last output', async () => {
  const chain = await mage.chain([
    await mage.sign(piece, { tag: 'first', give: { rows: [1, 2] } }),
    await mage.sign(piece, { tag: 'second', give: 'text' }),
    await mage.sign(piece, { tag: 'third', give: { done: true } }),
  ]);
  expect(await chain.run({})).toEqual({ done: true });
  expect(pieces.order('first', 'second', 'third')).toEqual(['first', 'second', 'third']);
  expect(pieces.of('second')[0]?.input['returnValue']).toEqual({ rows: [1, 2] });
  expect(pieces.of('third')[0]?.input['returnValue']).toBe('text');
});

test('a step with a marked field gets the output there, parsed by its schema', async () => {
  const chain = await mage.chain([extract, sum]);
  expect(await chain.run({ sizes: [1, 2, 3] })).toEqual({ total: 6 });
});

test('a later step gets its bound data beside the output', async () => {
  const chain = await mage.chain([extract, await mage.sign(sum, { factor: 10 })]);
  expect(await chain.run({ sizes: [4] })).toEqual({ total: 40 });
});

test('the start message goes to the first step only, merged with its bound data', async () => {
  const chain = await mage.chain([
    await mage.sign(piece, { tag: 'start', give: 1, options: { bound: true } }),
    await mage.sign(piece, { tag: 'later' }),
  ]);
  expect(await chain.run({ url: 'x', give: 0, options: { sent: true } })).toEqual({ tag: 'later', got: 1 });
  expect(pieces.of('start')[0]?.input).toEqual({
    tag: 'start',
    url: 'x',
    give: 1,
    options: { bound: true, sent: true },
  });
  expect(pieces.of('later')[0]?.input).toEqual({ tag: 'later', returnValue: 1 });
});

test.each([[null], [0], [false], [''], [[]], [{}]])('the output %j is handed on as it is', async (give) => {
  const chain = await mage.chain([await mage.sign(piece, { give }), piece]);
  expect(await chain.run({})).toEqual({ got: give });
});

test('a step that gives nothing hands on null', async () => {
  const chain = await mage.chain([note, await mage.sign(piece, { tag: 'after nothing' })]);
  expect(await chain.run({})).toEqual({ tag: 'after nothing', got: null });
  expect(pieces.of('after nothing')[0]?.input).toEqual({ tag: 'after nothing', returnValue: null });
});

test('a chain of one gives the output of its only step', async () => {
  const chain = await mage.chain([piece], { successCallbacks: [await mage.sign(note, { tag: 'of one' })] });
  expect(await chain.run({ give: 7 })).toBe(7);
  expect((await pieces.only('of one', chain)).input).toEqual({ tag: 'of one', returnValue: 7 });
});

test('a success callback gets the last output in its result field with its bound data, and nothing else', async () => {
  const chain = await mage.chain([extract, await mage.sign(piece, { give: [{ size: 5 }] })], {
    successCallbacks: [
      await mage.sign(sum, { factor: 2 }, { successCallbacks: [await mage.sign(note, { tag: 'summed' })] }),
      await mage.sign(note, { tag: 'last' }),
    ],
    errorCallbacks: [await mage.sign(note, { tag: 'never' })],
  });
  await chain.run({ sizes: [1] });
  expect((await pieces.only('last', chain)).input).toEqual({ tag: 'last', returnValue: [{ size: 5 }] });
  expect((await pieces.only('summed', chain)).input).toEqual({ tag: 'summed', returnValue: { total: 10 } });
  expect(pieces.of('never')).toEqual([]);
});

test('the callbacks of a step run with its own output, while the chain goes on', async () => {
  const chain = await mage.chain([
    await mage.sign(piece, { give: 'one' }, { successCallbacks: [await mage.sign(note, { tag: 'step one' })] }),
    await mage.sign(piece, { give: 'two' }, { successCallbacks: [await mage.sign(note, { tag: 'step two' })] }),
  ]);
  expect(await chain.run({})).toBe('two');
  expect((await pieces.only('step one', chain)).input).toEqual({ tag: 'step one', returnValue: 'one' });
  expect((await pieces.only('step two', chain)).input).toEqual({ tag: 'step two', returnValue: 'two' });
});

test('tasks are taken as declarations, by name and signed, in any mixture', async () => {
  const chain = await mage.chain(['extract', sum, await mage.sign('piece')]);
  expect(await chain.run({ sizes: [1, 1] })).toEqual({ got: { total: 2 } });
});

test('a step whose input does not fit what came before fails at once, by the path', async () => {
  const chain = await mage.chain([await mage.sign(piece, { give: 'no rows' }), 'sum'], { name: 'misfit' });
  await expect(chain.run({})).rejects.toThrow(/misfit.*"sum" \(step 2 of 2\).*rows/);
});
