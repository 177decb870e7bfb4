import { CancelledError, TaskFailedError, type Signature } from '../../../src';
import { openPieces } from '../../helpers/pieces';
import { cancelByHand } from '../../helpers/runs';
import { rejection } from '../../helpers/workshop';

const { mage, pieces, piece, stubborn, note } = openPieces();

/** A chain of three whose second step fails, with every callback there is. */
async function failing(tag: string) {
  const step = (name: string, data: object = {}) => mage.sign(piece, { tag: `${tag} ${name}`, ...data }, { name });
  const second = await mage.sign(
    piece,
    { tag: `${tag} second`, fail: 'disk full' },
    {
      name: 'second',
      successCallbacks: [await mage.sign(note, { tag: `${tag} step succeeded` })],
      errorCallbacks: [await mage.sign(note, { tag: `${tag} step failed` })],
    },
  );
  const steps = [await step('first', { give: { rows: 3 } }), second, await step('third')];
  const chain = await mage.chain(steps, {
    name: tag,
    successCallbacks: [await mage.sign(note, { tag: `${tag} succeeded` })],
    errorCallbacks: [await mage.sign(note, { tag: `${tag} failed`, channel: 'ops' })],
  });
  return { chain, steps };
}

test('the first failing step ends the chain: later ones are cancelled and never run', async () => {
  const { chain, steps } = await failing('ends');
  await chain.runNoWait({});
  await pieces.settled(chain);
  expect(await chain.status()).toBe('failed');
  expect(await Promise.all(steps.map((step) => step.status()))).toEqual(['succeeded', 'failed', 'cancelled']);
  expect(pieces.of('ends third')).toEqual([]);
  expect(pieces.of('ends succeeded')).toEqual([]);
  expect(pieces.of('ends step succeeded')).toEqual([]);
});

test('run throws TaskFailedError that names the step and tells of its failure', async () => {
  const { chain, steps } = await failing('throws');
  const error = (await rejection(chain.run({}))) as TaskFailedError;
  expect(error).toBeInstanceOf(TaskFailedError);
  expect(error.message).toContain('"throws"');
  expect(error.message).toContain('"second" (step 2 of 3)');
  expect(error.message).toContain('disk full');
  expect(error.failures).toEqual([{ id: steps[1]?.id, name: 'second', index: 1, message: 'disk full' }]);
});

test('the error callbacks of the step and of the chain run once, with the input of the failed step', async () => {
  const { chain, steps } = await failing('told');
  await rejection(chain.run({ ignored: 'by later steps' }));
  const failure = { id: steps[1]?.id, name: 'second', index: 1, message: 'disk full' };
  const input = {
    fail: 'disk full',
    returnValue: { rows: 3 },
    error: { message: 'disk full', failureCount: 1, failures: [failure] },
  };
  expect((await pieces.only('told failed', chain)).input).toEqual({ ...input, tag: 'told failed', channel: 'ops' });
  expect((await pieces.only('told step failed', chain)).input).toEqual({ ...input, tag: 'told step failed' });
});

test('when the first step fails, the error callbacks get the start message merged with its data', async () => {
  const chain = await mage.chain([await mage.sign(piece, { fail: 'at once', bound: 1 }), piece], {
    errorCallbacks: [await mage.sign(note, { tag: 'start failed' })],
  });
  await rejection(chain.run({ url: 'x' }));
  expect((await pieces.only('start failed', chain)).input).toMatchObject({ url: 'x', bound: 1, fail: 'at once' });
});

test('waiting for a step of a failed chain tells what became of it', async () => {
  const { chain, steps } = await failing('awaited');
  const handle = await chain.runNoWait({});
  expect(await rejection(handle.output)).toBeInstanceOf(TaskFailedError);
  const third = await mage.load<Signature<object, unknown>>(steps[2]?.id ?? '');
  expect(await third.status()).toBe('cancelled');
});

test('a step is tried again before it fails the chain', async () => {
  const chain = await mage.chain([
    await mage.sign(stubborn, { tag: 'third time lucky', fail: 'not yet', until: 2, give: 'made it' }),
    await mage.sign(piece, { tag: 'after three attempts' }),
  ]);
  expect(await chain.run({})).toEqual({ tag: 'after three attempts', got: 'made it' });
  expect(pieces.of('third time lucky')).toHaveLength(3);
  expect(pieces.of('after three attempts')).toHaveLength(1);
});

test('the error callbacks run once, after the last attempt', async () => {
  const chain = await mage.chain([piece, await mage.sign(stubborn, { tag: 'hopeless', fail: 'never' })], {
    errorCallbacks: [await mage.sign(note, { tag: 'gave up' })],
  });
  await rejection(chain.run({}));
  await pieces.only('gave up', chain);
  expect(pieces.of('hopeless')).toHaveLength(3);
});

test('a step of a name that no worker has registered fails the chain by that name', async () => {
  const chain = await mage.chain([
    await mage.sign(piece, { tag: 'before the unknown' }),
    'nobody-serves-this',
    await mage.sign(piece, { tag: 'after the unknown' }),
  ]);
  const error = (await rejection(chain.run({}))) as TaskFailedError;
  expect(error).toBeInstanceOf(TaskFailedError);
  expect(error.failures).toMatchObject([
    { index: 1, message: expect.stringContaining('nobody-serves-this') as string },
  ]);
  expect(pieces.of('before the unknown')).toHaveLength(1);
  expect(pieces.of('after the unknown')).toEqual([]);
});

test('a step that somebody cancels in the engine fails the chain, as any run that the engine ends', async () => {
  const step = await mage.sign(piece, { tag: 'cancelled by hand', patient: true });
  const chain = await mage.chain([step, await mage.sign(piece, { tag: 'after a hand' })], {
    errorCallbacks: [await mage.sign(note, { tag: 'hand noticed' })],
  });
  const handle = await chain.runNoWait({});
  const [body] = await pieces.begun('cancelled by hand');
  await cancelByHand(mage.hatchet, body?.runId ?? '');
  expect(await rejection(handle.output)).not.toBeInstanceOf(CancelledError);
  await pieces.only('hand noticed', chain);
  expect(await step.status()).toBe('failed');
  expect(pieces.of('after a hand')).toEqual([]);
});
