import { z } from 'zod';
import { Mageflow, mageContext, returnValue } from '../../src';
import { Fixture, Log, required } from '../helpers/fixture';
import { closedPort } from '../helpers/own-redis';

// One declaration that several instances wrap: the one whose store knows a run's claim runs it.
const fixture = new Fixture({ leaseMs: 1_000, reconcileIntervalMs: 300 });
const { mage, hatchet } = fixture;
const log = new Log();
const bodies: string[] = [];
const opened: Mageflow[] = [];
let nth = 0;

afterAll(async () => {
  for (const instance of opened) await instance.close();
  await fixture.close();
});

const plain = () => {
  const name = `plain-${nth++}`;
  return hatchet.task({
    name,
    executionTimeout: '20s',
    fn: () => {
      bodies.push(name);
      return { item: mageContext() !== undefined };
    },
  });
};

function open(keyPrefix: string, redis = required('REDIS_URL')): Mageflow {
  const instance = new Mageflow(hatchet, redis, { keyPrefix, logger: log });
  opened.push(instance);
  return instance;
}

/** An instance whose Redis is away. */
const away = async (keyPrefix: string) => open(keyPrefix, `redis://127.0.0.1:${await closedPort()}`);

async function runsOnce(declaration: ReturnType<typeof plain>) {
  await fixture.worker([declaration]);
  const swarm = await mage.swarm({ tasks: [declaration], isSwarmClosed: true });
  await expect(swarm.run()).resolves.toEqual([{ item: true }]);
  expect(bodies.filter((name) => name === declaration.definition.name)).toHaveLength(1);
}

describe('an item of a task that another instance wraps too, whose Redis is away, runs once and succeeds', () => {
  test('when the other one wraps it first', async () => {
    const declaration = plain();
    (await away('test-elsewhere')).wrap(declaration);
    mage.wrap(declaration);
    await runsOnce(declaration);
  });

  test('when the other one wraps it last', async () => {
    const declaration = plain();
    mage.wrap(declaration);
    (await away('test-elsewhere')).wrap(declaration);
    await runsOnce(declaration);
  });

  test('when the other one has the same prefix, and wraps it first', async () => {
    const declaration = plain();
    (await away(fixture.keyPrefix)).wrap(declaration);
    mage.wrap(declaration);
    await runsOnce(declaration);
  });
});

describe('an item of a task that a closed instance wraps too runs once and succeeds', () => {
  test('when that one was closed before', async () => {
    const declaration = plain();
    const closed = fixture.another();
    closed.wrap(declaration);
    await closed.close();
    mage.wrap(declaration);
    await runsOnce(declaration);
  });

  test.each(['first', 'last'])('when that one had wrapped it %s', async (order) => {
    const declaration = plain();
    const closed = fixture.another();
    for (const instance of order === 'first' ? [closed, mage] : [mage, closed]) instance.wrap(declaration);
    await closed.close();
    await runsOnce(declaration);
  });
});

test('a task that a closed instance declared keeps its schema when another one wraps it', async () => {
  const closed = fixture.another();
  const declaration = closed.task({
    name: 'with-schema',
    input: z.object({ n: z.coerce.number(), list: returnValue(z.array(z.unknown())).optional() }),
    fn: ({ n, list }) => ({ n, list }),
  });
  await closed.close();
  mage.wrap(declaration);
  const later = fixture.another();
  later.wrap(declaration);
  await later.close();
  await fixture.worker([declaration]);
  const swarm = await mage.swarm({ tasks: [[declaration, { n: '7' } as never]], isSwarmClosed: true });
  await expect(swarm.run()).resolves.toEqual([{ n: 7 }]);
  await expect(declaration.run({ n: '8' } as never)).resolves.toEqual({ n: 8 });
});

test("a workflow's task that is added after two instances have wrapped the workflow runs in the one that knows its claim", async () => {
  const workflow = hatchet.workflow({ name: 'added-later' });
  (await away('test-elsewhere')).wrap(workflow);
  mage.wrap(workflow);
  (await away('test-elsewhere-too')).wrap(workflow);
  const options = { name: 'first', fn: () => ({ item: mageContext() !== undefined }) };
  const first = workflow.task(options);
  workflow.task({ name: 'second', parents: [first], fn: () => ({}) });
  expect(Object.keys(options)).toEqual(['name', 'fn']);
  await fixture.worker([workflow]);
  const swarm = await mage.swarm({ tasks: [workflow], isSwarmClosed: true });
  await expect(swarm.run()).resolves.toEqual([{ first: { item: true }, second: {} }]);
});

test('wrapping one declaration with a new instance after each close makes no run slower', async () => {
  const declaration = plain();
  for (let n = 0; n < 200; n++) {
    const instance = open('test-reloaded');
    instance.wrap(declaration);
    await instance.close();
  }
  mage.wrap(declaration);
  let depth = 0;
  const { fn } = declaration.definition._tasks[0] as { fn: object };
  for (let at: object | undefined = fn; at; at = layerBelow(at)) depth += 1;
  expect(depth).toBe(2);
});

function layerBelow(body: object): object | undefined {
  return (body as Record<symbol, { body: object } | undefined>)[Symbol.for('mageflow/layer')]?.body;
}
