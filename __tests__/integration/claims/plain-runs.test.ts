import type { Context } from '@hatchet-dev/typescript-sdk';
import { mageContext, Mageflow, type MageContext } from '../../../src';
import { eventually, Fixture, Gauge, gate, Log } from '../../helpers/fixture';
import { closedPort } from '../../helpers/own-redis';

interface Seen {
  task: string;
  attempt: number;
  context: MageContext | undefined;
  claim: string | undefined;
}

const fixture = new Fixture();
const { mage } = fixture;
const seen: Seen[] = [];
const of = (task: string) => seen.filter((one) => one.task === task);

function note(task: string, ctx: Context<unknown>): number {
  const claim = ctx.additionalMetadata()['mageflow.claim'];
  seen.push({ task, attempt: ctx.retryCount(), context: mageContext(), claim });
  return ctx.retryCount();
}

// An instance whose Redis can't be reached: a run of its tasks that needed Redis would not end.
const away = { log: new Log(), mage: undefined as Mageflow | undefined };

type Numbered = { n: number };
type Plain = { run(input: Numbered): Promise<unknown> };
let level1: Plain, level2: Plain, level3: Plain;

const item = mage.task({
  name: 'item',
  retries: 1,
  fn: async ({ n }: Numbered, ctx) => {
    const attempt = note('item', ctx);
    const inner = (await level1.run({ n })) as Numbered;
    if (n === 1 && attempt === 0) throw new Error('the first attempt of item 1');
    return { n: inner.n, index: mageContext()?.index };
  },
});
const quick = mage.task({
  name: 'quick',
  fn: async ({ n }: Numbered, ctx) => {
    note('quick', ctx);
    return { n: n + 100 };
  },
});
const open = gate();
const held = mage.task({
  name: 'held',
  fn: async (_: Numbered, ctx) => {
    note('held', ctx);
    await open.opened;
    return { done: true };
  },
});

beforeAll(async () => {
  const dead = new Mageflow(fixture.hatchet, `redis://127.0.0.1:${await closedPort()}`, {
    logger: away.log,
    commandTimeoutMs: 1_000,
  });
  fixture.onClose(() => dead.close());
  away.mage = dead;
  const third = dead.task({
    name: 'level-3',
    retries: 1,
    fn: async ({ n }: Numbered, ctx) => {
      if (note('level-3', ctx) === 0) throw new Error('the first attempt of each');
      return { n: n + 1 };
    },
  });
  const second = dead.durableTask({
    name: 'level-2',
    fn: async ({ n }: Numbered, ctx) => {
      note('level-2', ctx);
      return { n: ((await level3.run({ n })) as Numbered).n };
    },
  });
  const first = mage.task({
    name: 'level-1',
    fn: async ({ n }: Numbered, ctx) => {
      note('level-1', ctx);
      return { n: ((await level2.run({ n })) as Numbered).n };
    },
  });
  [level1, level2, level3] = [first, second, third];
  await fixture.worker([item, quick, held, first, second, third]);
});
afterAll(() => fixture.close());

test('only the item itself counts when its body runs other tasks, three levels deep and with retries', async () => {
  const swarm = await mage.swarm({
    tasks: [0, 1, 2].map((n) => [item, { n }] as const),
    isSwarmClosed: true,
    config: { maxConcurrency: 3, stopAfterNFailures: 1 },
  });
  expect(await swarm.run()).toEqual([0, 1, 2].map((n) => ({ n: n + 1, index: n })));
  expect(await swarm.progress()).toMatchObject({ total: 3, succeeded: 3, failed: 0, running: 0, queued: 0 });
  // Item 1 ran twice; the engine gives its second attempt the children that the first one made.
  expect(['item', 'level-1', 'level-2', 'level-3'].map((task) => of(task).length)).toEqual([4, 3, 3, 6]);
  expect(of('item').map(({ context }) => context?.swarmId)).toEqual(Array(4).fill(swarm.id));
  for (const task of ['level-1', 'level-2', 'level-3']) {
    // The engine hands the item's metadata down, so that each of them carries its claim.
    expect(of(task).map(({ claim }) => claim?.startsWith(swarm.id))).toEqual(Array(of(task).length).fill(true));
    expect(of(task).map(({ context }) => context)).toEqual(Array(of(task).length).fill(undefined));
  }
  expect(away.log.lines).toEqual([]);
});

test('a task runs plainly while its Redis is away', async () => {
  expect(await level2.run({ n: 7 })).toEqual({ n: 8 });
  expect(away.log.lines).toEqual([]);
});

describe('a run with made-up metadata', () => {
  test('is a plain run when this store does not know its claim, and changes nothing', async () => {
    const swarm = await mage.swarm({
      tasks: [
        [held, { n: 0 }],
        [held, { n: 1 }],
      ],
      config: { maxConcurrency: 1 },
    });
    await swarm.runNoWait();
    await eventually('the first item runs', () => of('held').length === 1);
    const [token] = (of('held')[0]?.claim ?? '').split(' ').slice(2);
    const before = await swarm.progress();
    const claims = [
      `${swarm.id} 0 ${'f'.repeat(20)} `,
      `${swarm.id} 1 ${token} `,
      `${swarm.id} 999 ${token} `,
      `${swarm.id} c0 ${token} g`,
      `nowhere 0 ${token} `,
      `${swarm.id}`,
      `${swarm.id} x y z`,
    ];
    const outputs = await Promise.all(
      claims.map((claim, n) =>
        quick.run(
          { n },
          { additionalMetadata: { 'mageflow.claim': claim, 'mageflow.swarm': swarm.id, 'mageflow.index': '1' } },
        ),
      ),
    );
    expect(outputs).toEqual(claims.map((_, n) => ({ n: n + 100 })));
    expect(of('quick').map(({ context }) => context)).toEqual(claims.map(() => undefined));
    expect(await swarm.progress()).toEqual(before);
    expect(of('held')).toHaveLength(1);
    open.open();
    await swarm.closeSwarm();
    await eventually('the swarm ends', async () => (await swarm.status()) === 'succeeded');
    expect(await swarm.progress()).toMatchObject({ total: 2, succeeded: 2, failed: 0 });
  });

  test('that belongs to a child of another run is no item', async () => {
    const gauge = new Gauge();
    const swarm = await mage.swarm({ tasks: [[quick, { n: 1 }]] });
    const copied = { 'mageflow.claim': `${swarm.id} 0 ${'a'.repeat(20)} `, 'mageflow.parent': 'some other run' };
    await gauge.during(() => quick.run({ n: 5 }, { additionalMetadata: copied }));
    expect(await swarm.progress()).toMatchObject({ total: 1, waiting: 1, succeeded: 0, status: 'pending' });
  });
});
