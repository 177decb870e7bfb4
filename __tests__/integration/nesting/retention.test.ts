import { eventually, Fixture } from '../../helpers/fixture';
import { Pieces } from '../../helpers/pieces';
import { progressOf, statusOf } from '../../helpers/workshop';
import type { MageflowOptions } from '../../../src';

const quick: MageflowOptions = { retention: { finishedMs: 500 }, leaseMs: 500, reconcileIntervalMs: 100 };

async function withPieces(options: MageflowOptions, body: (opened: Opened) => Promise<void>): Promise<void> {
  const fixture = new Fixture(options);
  const pieces = new Pieces(fixture);
  const { mage } = fixture;
  const root = mage.rootTask({
    name: 'root',
    fn: async ({ depth = 0 }: { depth?: number }) => {
      const { piece } = pieces;
      const inner = await mage.swarm({ tasks: [piece, await mage.chain([piece, piece])], isSwarmClosed: true });
      await (await mage.chain([piece, inner, piece])).runNoWait({});
      await (await mage.swarm({ tasks: [piece], isSwarmClosed: true })).runNoWait({});
      await (await mage.sign(piece)).runNoWait({});
      if (depth > 0) await (await mage.sign('root', { depth: depth - 1 })).runNoWait({});
      return 'body';
    },
  });
  try {
    await fixture.worker([...pieces.tasks, root]);
    await body({ fixture, pieces, mage, piece: pieces.piece, note: pieces.note, root });
  } finally {
    await fixture.close();
  }
}

interface Opened {
  fixture: Fixture;
  pieces: Pieces;
  mage: Fixture['mage'];
  piece: Pieces['piece'];
  note: Pieces['note'];
  root: ReturnType<Fixture['mage']['rootTask']>;
}

/** Every key that groups have; where to find signatures by their ids is kept by itself. */
const groupKeys = async (fixture: Fixture) => (await fixture.keys()).filter((key) => key.includes('{'));

/** Waits until Redis holds nothing of any group, and looks once more whether the reconciler has left it. */
async function nothingLeft(fixture: Fixture): Promise<void> {
  await eventually('Redis holds no group', async () => {
    const keys = await groupKeys(fixture);
    if (keys.length > 0) throw new Error(keys.join('\n'));
    return true;
  });
  await eventually(
    'the reconciler has left them',
    async () => !(await fixture.keys()).some((key) => key.includes(':due:')),
  );
}

test('a nested tree leaves nothing in Redis when its time is over', () =>
  withPieces(quick, async ({ fixture, mage, piece }) => {
    const deepest = await mage.swarm({ tasks: [piece, piece], isSwarmClosed: true });
    const chain = await mage.chain([piece, deepest, piece]);
    const empty = await mage.swarm({ isSwarmClosed: true });
    const outer = await mage.swarm({ tasks: [chain, empty, piece], isSwarmClosed: true });
    await outer.run({});
    await nothingLeft(fixture);
  }));

test('nor does one that failed, with groups that were never started', () =>
  withPieces(quick, async ({ fixture, pieces, mage, piece }) => {
    const never = await mage.swarm({ tasks: [piece] });
    const chain = await mage.chain([await mage.sign(piece, { fail: 'no', hold: 'all made' }), never]);
    const outer = await mage.swarm({
      tasks: [chain, await mage.swarm({ tasks: [piece] }), await mage.chain([await mage.swarm({ tasks: [piece] })])],
      config: { maxConcurrency: 1, stopAfterNFailures: 1 },
    });
    await outer.runNoWait({});
    pieces.open('all made');
    await statusOf(outer, 'failed');
    await nothingLeft(fixture);
  }));

test('nor does one that was cancelled', () =>
  withPieces(quick, async ({ fixture, pieces, mage, piece }) => {
    const inner = await mage.swarm({
      tasks: [[piece, { patient: true, tag: 'runs' }], piece],
      config: { maxConcurrency: 1 },
    });
    const outer = await mage.swarm({
      tasks: [await mage.chain([inner, piece]), await mage.swarm({ tasks: [piece] })],
      config: { maxConcurrency: 1 },
    });
    await outer.runNoWait({});
    await pieces.begun('runs');
    await outer.cancel();
    await statusOf(outer, 'cancelled');
    await nothingLeft(fixture);
  }));

test('nor does a root task with a chain, a swarm and another root', () =>
  withPieces(quick, async ({ fixture, mage, root, piece }) => {
    const signed = await mage.sign(root, { depth: 1 } as never);
    const swarm = await mage.swarm({ tasks: [signed, piece], isSwarmClosed: true });
    expect(await swarm.run({})).toHaveLength(2);
    await nothingLeft(fixture);
  }));

test('nor do callbacks that are groups', () =>
  withPieces(quick, async ({ fixture, pieces, mage, piece, note, root }) => {
    const template = await mage.swarm({ tasks: [await mage.chain([piece, piece])], isSwarmClosed: true });
    const inner = await mage.swarm({ tasks: [piece], isSwarmClosed: true });
    const templates = [template, inner];
    const callbacks = [
      await mage.chain([piece, inner], {
        successCallbacks: [await mage.sign(note, { tag: 'callback done' })],
      }),
      template,
      root,
    ];
    const task = await mage.sign(piece, {}, { successCallbacks: callbacks });
    await task.run({});
    await pieces.begun('callback done');
    // What was only a template was never run: it goes when nobody has gone on with it for long enough.
    const isTemplate = (key: string) => templates.some((swarm) => key.includes(`{${swarm.id}}`));
    for (const key of (await groupKeys(fixture)).filter(isTemplate))
      expect(await fixture.redis.pttl(key)).toBeGreaterThan(0);
    await eventually('nothing is left of what ran', async () => {
      const keys = (await groupKeys(fixture)).filter((key) => !isTemplate(key));
      if (keys.length > 0) throw new Error(keys.join('\n'));
      return true;
    });
  }));

test('a nested group is kept as long as its outer one lives, beyond its own retention', () =>
  withPieces({ ...quick, retention: { finishedMs: 300 } }, async ({ fixture, pieces, mage, piece }) => {
    const inner = await mage.swarm({
      tasks: [
        [piece, { give: 1 }],
        [piece, { give: 2 }],
      ],
      isSwarmClosed: true,
    });
    const chain = await mage.chain([piece, await mage.sign(piece, { give: 3 })]);
    const outer = await mage.swarm({ tasks: [inner, chain, [piece, { hold: 'long', give: 4 }]], isSwarmClosed: true });
    const handle = await outer.runNoWait({});
    await progressOf(outer, { succeeded: 2, running: 1 });
    await fixture.redis.set(`${fixture.keyPrefix}:longer than its retention`, '', 'PX', 3_000);
    await eventually(
      'its retention would be over',
      async () => !(await fixture.keys()).some((key) => key.includes('longer')),
    );
    expect(await inner.status()).toBe('succeeded');
    expect(await chain.status()).toBe('succeeded');
    pieces.open('long');
    expect(await handle.output).toEqual([[1, 2], 3, 4]);
    await nothingLeft(fixture);
  }));

test('a nested swarm that was never started stays until its running parent reaches it', () =>
  withPieces(
    { ...quick, retention: { finishedMs: 500, abandonedMs: 1_000 } },
    async ({ fixture, pieces, mage, piece }) => {
      const deepest = await mage.swarm({ tasks: [[piece, { give: 'deepest' }]], isSwarmClosed: true });
      const inner = await mage.swarm({ tasks: [deepest], isSwarmClosed: true });
      const step = await mage.swarm({ tasks: [[piece, { give: 'step' }]], isSwarmClosed: true });
      const outer = await mage.swarm({
        tasks: [[piece, { hold: 'in front', give: 'first' }], inner, await mage.chain([step])],
        config: { maxConcurrency: 1 },
        isSwarmClosed: true,
      });
      const handle = await outer.runNoWait({});
      await fixture.redis.set(`${fixture.keyPrefix}:longer than anything abandoned`, '', 'PX', 4_000);
      await eventually(
        'its time would be over',
        async () => !(await fixture.keys()).some((key) => key.includes('longer')),
      );
      pieces.open('in front');
      expect(await handle.output).toEqual(['first', [['deepest']], ['step']]);
      await nothingLeft(fixture);
    },
  ));

test('a nested swarm whose outer one nobody ever starts goes with it', () =>
  withPieces({ ...quick, retention: { finishedMs: 300, abandonedMs: 800 } }, async ({ fixture, mage, piece }) => {
    const inner = await mage.swarm({ tasks: [piece] });
    await mage.swarm({ tasks: [inner, await mage.chain([await mage.swarm({ tasks: [piece] })])] });
    expect((await groupKeys(fixture)).length).toBeGreaterThan(0);
    await nothingLeft(fixture);
  }));
