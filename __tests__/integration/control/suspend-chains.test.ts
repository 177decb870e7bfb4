import { CancelledError, ConfigurationError } from '../../../src';
import { openPieces } from '../../helpers/pieces';
import { progressOf, rejection, statusOf } from '../../helpers/workshop';

const { fixture, mage, pieces, piece, note } = openPieces();

/** A chain of three pieces: the first waits at the gate of this name, each tells what it got. */
async function made(tag: string, first: object = {}) {
  const steps = [
    await mage.sign(piece, { tag: `${tag} 1`, hold: tag, ...first }),
    await mage.sign(piece, { tag: `${tag} 2` }),
    await mage.sign(piece, { tag: `${tag} 3` }),
  ] as const;
  const chain = await mage.chain(steps, {
    name: tag,
    successCallbacks: [await mage.sign(note, { tag: `${tag} done` })],
    errorCallbacks: [await mage.sign(note, { tag: `${tag} told` })],
  });
  return { chain, steps };
}

/** What a whole chain gives at last: each step's output travelled to the next. */
const whole = (tag: string) => ({
  tag: `${tag} 3`,
  got: { tag: `${tag} 2`, got: { tag: `${tag} 1`, got: null } },
});

test("between two steps it stops, keeps the next step's message and goes on from there", async () => {
  const { chain, steps } = await made('between');
  const handle = await chain.runNoWait({});
  await pieces.begun('between 1');
  await chain.suspend();
  expect([await chain.status(), await steps[0].status(), await steps[1].status()]).toEqual([
    'suspended',
    'running',
    'suspended',
  ]);
  pieces.open('between');
  await statusOf(steps[0], 'succeeded');
  expect([await steps[1].status(), pieces.of('between 2')]).toEqual(['suspended', []]);
  await (await fixture.another().load(chain.id)).resume();
  expect(await handle.output).toEqual(whole('between'));
  for (const step of ['1', '2', '3', 'done']) await pieces.only(`between ${step}`, chain);
});

test('suspended during its last step it keeps its callbacks', async () => {
  const last = await mage.sign(piece, { tag: 'last', hold: 'last', give: 'end' });
  const chain = await mage.chain([piece, last], { successCallbacks: [await mage.sign(note, { tag: 'last done' })] });
  const handle = await chain.runNoWait({});
  await pieces.begun('last');
  await chain.suspend();
  pieces.open('last');
  await statusOf(last, 'succeeded');
  expect([await chain.status(), pieces.of('last done')]).toEqual(['suspended', []]);
  await chain.resume();
  expect(await handle.output).toBe('end');
  expect((await pieces.only('last done', chain)).input['returnValue']).toBe('end');
});

test('suspended before it is run it is kept, with its message', async () => {
  const { chain } = await made('before');
  await chain.suspend();
  expect(await chain.status()).toBe('suspended');
  const handle = await chain.runNoWait({ given: 'by run' });
  expect([await chain.status(), pieces.of('before 1')]).toEqual(['suspended', []]);
  pieces.open('before');
  await (await fixture.another().load(chain.id)).resume();
  expect(await handle.output).toEqual(whole('before'));
  expect((await pieces.only('before 1', chain)).input['given']).toBe('by run');
  await pieces.only('before done', chain);
});

test('a step that fails while it is suspended: the callbacks wait, the later steps never run', async () => {
  const { chain, steps } = await made('failing', { fail: 'no' });
  const handle = await chain.runNoWait({});
  await pieces.begun('failing 1');
  await chain.suspend();
  pieces.open('failing');
  await statusOf(steps[0], 'failed');
  expect([await chain.status(), await steps[1].status(), pieces.of('failing told')]).toEqual([
    'suspended',
    'cancelled',
    [],
  ]);
  await chain.resume();
  expect((await rejection(handle.output)).message).toContain('failed at "piece" (step 1 of 3): no');
  await pieces.only('failing told', chain);
  expect(pieces.order('failing 2', 'failing done')).toEqual([]);
});

test('cancel of a suspended one: what waits never runs, its error callbacks do', async () => {
  const { chain, steps } = await made('cancelled');
  const handle = await chain.runNoWait({});
  await pieces.begun('cancelled 1');
  await chain.suspend();
  pieces.open('cancelled');
  await statusOf(steps[0], 'succeeded');
  await chain.cancel();
  expect(await rejection(handle.output)).toBeInstanceOf(CancelledError);
  await pieces.only('cancelled told', chain);
  expect(await steps[1].status()).toBe('cancelled');
  expect(pieces.order('cancelled 2', 'cancelled 3', 'cancelled done')).toEqual([]);
});

test('cancel of a suspended one that nobody has run', async () => {
  const { chain } = await made('never run');
  await chain.suspend();
  await chain.cancel();
  expect(await chain.status()).toBe('cancelled');
  await pieces.only('never run told', chain);
  expect(pieces.of('never run 1')).toEqual([]);
});

describe('a step by itself', () => {
  test('is where a running chain stops until it is resumed', async () => {
    const { chain, steps } = await made('step');
    const handle = await chain.runNoWait({});
    await pieces.begun('step 1');
    await (await fixture.another().load(steps[1].id)).suspend();
    pieces.open('step');
    await statusOf(steps[0], 'succeeded');
    expect([await chain.status(), await steps[1].status(), pieces.of('step 2')]).toEqual(['running', 'suspended', []]);
    await steps[1].resume();
    expect(await handle.output).toEqual(whole('step'));
    for (const step of ['1', '2', '3', 'done']) await pieces.only(`step ${step}`, chain);
  });

  test('goes on with resume of the whole chain', async () => {
    const { chain, steps } = await made('whole');
    const handle = await chain.runNoWait({});
    await pieces.begun('whole 1');
    await steps[2].suspend();
    await chain.suspend();
    pieces.open('whole');
    await statusOf(steps[0], 'succeeded');
    await chain.resume();
    expect(await handle.output).toEqual(whole('whole'));
  });

  test('that runs finishes, its own callbacks wait, and the chain goes on', async () => {
    const own = await mage.sign(note, { tag: 'own done' });
    const step = await mage.sign(piece, { tag: 'own', hold: 'own', give: 1 }, { successCallbacks: [own] });
    const chain = await mage.chain([step, piece]);
    const handle = await chain.runNoWait({});
    await pieces.begun('own');
    await step.suspend();
    pieces.open('own');
    expect(await handle.output).toMatchObject({ got: 1 });
    expect([await own.status(), pieces.of('own done')]).toEqual(['suspended', []]);
    await step.resume();
    await pieces.only('own done', chain);
  });

  test('can be suspended only once its chain has been written', async () => {
    const { chain, steps } = await made('unwritten');
    const error = await rejection(steps[1].suspend());
    expect(error).toBeInstanceOf(ConfigurationError);
    expect(error.message).toContain('"unwritten"');
    const alone = await mage.sign(piece, { tag: 'into a chain' });
    await alone.suspend();
    expect(await rejection(mage.chain([alone]))).toBeInstanceOf(ConfigurationError);
    await alone.resume();
    pieces.open('unwritten');
    expect(await (await mage.chain([alone])).run({})).toEqual({ tag: 'into a chain', got: null });
    expect(await chain.run({})).toEqual(whole('unwritten'));
  });

  test('that is a swarm: the chain waits for it', async () => {
    const step = await mage.swarm({
      tasks: [1, 2].map((n) => [piece, { tag: 'swarm step', hold: 'swarm step', give: n }] as const),
      config: { maxConcurrency: 1 },
      isSwarmClosed: true,
    });
    const chain = await mage.chain([step, piece]);
    const handle = await chain.runNoWait({});
    await pieces.begun('swarm step');
    await step.suspend();
    expect([await step.status(), await chain.status()]).toEqual(['suspended', 'running']);
    pieces.open('swarm step');
    await progressOf(step, { succeeded: 1, queued: 1, running: 0 });
    await step.resume();
    expect(await handle.output).toMatchObject({ got: [1, 2] });
  });

  test('that is a swarm, suspended before the chain is run', async () => {
    const step = await mage.swarm({ tasks: [[piece, { tag: 'early swarm', give: 1 }]], isSwarmClosed: true });
    const first = await mage.sign(piece, { tag: 'before early swarm' });
    const chain = await mage.chain([first, step]);
    await step.suspend();
    const handle = await chain.runNoWait({});
    await statusOf(first, 'succeeded');
    expect([await step.status(), await chain.status(), pieces.of('early swarm')]).toEqual(['suspended', 'running', []]);
    await step.resume();
    expect(await handle.output).toEqual([1]);
  });
});
