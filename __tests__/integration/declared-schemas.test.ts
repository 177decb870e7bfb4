import * as mageflow from 'mageflow';
import { z } from 'zod';
import { childResults, ConfigurationError, InvalidMessageError, returnValue } from '../../src';
import { Fixture, newHatchet } from '../helpers/fixture';
import { thrownBy } from '../helpers/refusals';
import { rejection } from '../helpers/outcomes';

// Everything here is refused before anything is written or published: no worker serves these tasks.
const fixture = new Fixture();
const { mage } = fixture;
afterAll(() => fixture.close());

const row = z.object({ n: z.number() });
const importFile = mage.task({
  name: 'import',
  input: z.object({ path: z.string(), mode: z.enum(['fast', 'safe']).optional() }),
  fn: ({ path }) => ({ path }),
});
const root = mage.rootTask({ name: 'spawn', input: z.object({ items: z.array(z.string()) }), fn: () => ({ n: 1 }) });
const one = mage.task({ name: 'one', input: z.object({ row: returnValue(row) }), fn: () => 1 });
const list = mage.task({ name: 'list', input: z.object({ rows: returnValue(z.array(row)) }), fn: () => 1 });
const channel = mage.task({ name: 'channel', input: z.object({ channel: z.string() }), fn: () => 1 });
const parts = mage.task({ name: 'parts', input: z.object({ parts: childResults(z.array(row)) }), fn: () => 1 });
/** Hides the type of data from the compiler, which would refuse them. */
const unseen = (data: object): Record<string, unknown> => data as never;

describe('bound data that do not fit the declared schema are refused before anything is written', () => {
  const wrong: [what: string, bind: () => Promise<unknown>][] = [
    ['a signature', () => mage.sign(importFile as never, unseen({ pth: 'x' }))],
    ['a signature by name', () => mage.sign('import', { pth: 'x' })],
    ['a signature by a name in other letters', () => mage.sign('Import', { path: 5 })],
    ['a root', () => mage.sign('spawn', { items: 'x' })],
    ['a swarm', () => mage.swarm({ tasks: [[importFile, unseen({ pth: 'x' })]] as mageflow.TaskEntry[] })],
    ['a swarm by name', () => mage.swarm({ tasks: ['name', ['import', { path: 5 }]] })],
    ['a chain', async () => mage.chain([await mage.sign('import', { mode: 'quick' })])],
    ['another instance', () => fixture.another().sign(importFile as never, unseen({ pth: 'x' }))],
  ];
  test.each(wrong)('in %s', async (_, bind) => {
    const before = await fixture.writtenKeys();
    const error = await rejection(bind());
    expect(error).toBeInstanceOf(InvalidMessageError);
    expect(error.message).toMatch(
      /^The data bound to (import|Import|spawn) does not fit its input: (pth|path|mode|items): /,
    );
    expect(await fixture.writtenKeys()).toEqual(before);
  });

  test('in what is added to a swarm, which stays as it was', async () => {
    const swarm = await mage.swarm({ tasks: [importFile] });
    const entries: mageflow.TaskEntry[] = [
      [importFile, { path: 'x' }],
      [importFile, { pth: 'x' }],
    ];
    for (const add of [() => swarm.addTasks(entries), () => swarm.addTask('import', { path: null })])
      expect(await rejection(add())).toBeInstanceOf(InvalidMessageError);
    expect((await swarm.progress()).total).toBe(1);
  });

  test('with the path of each field that is wrong', async () => {
    const { message } = await rejection(mage.sign('import', { path: 5, mod: 'fast' }));
    expect(message).toContain('path: Invalid input: expected string, received number; mod: there is no such field');
  });
});

test('bound data that are a part of the message, or whose schema nobody knows, are taken', async () => {
  await mage.sign(importFile, {});
  await mage.sign(importFile, { mode: 'fast' });
  await mage.sign('served elsewhere', { pth: 'x' });
  await mage.sign(list, { rows: [{ n: 1 }] });
  await mage.sign('list', { returnValue: [{ n: 1 }] });
  await mage.swarm({ tasks: [importFile, 'import', ['import', { path: 'x' }]] });
});

test('what middleware may change on its way is not judged before', async () => {
  const client = newHatchet(fixture.hatchet.config.namespace).withMiddleware({
    before: (input) => ({ ...input, path: 'x' }),
  });
  const other = new mageflow.Mageflow(client, fixture.redis, { keyPrefix: fixture.keyPrefix, logger: fixture.log });
  fixture.onClose(() => other.close());
  const task = other.task({ name: 'changed', input: z.object({ path: z.string() }), fn: () => 1 });
  await other.sign(task as never, unseen({ path: 5 }));
  await other.sign('import', {}, { successCallbacks: [task as mageflow.TaskLike] });
});

describe('a success callback that would fail whatever happens is refused when its group is made', () => {
  const missing = /^successCallbacks\[0\]: channel requires channel, .*mage\.sign\(task, \{ channel \}\)/;
  const noList = /^successCallbacks\[0\]: a swarm passes a list of outputs to its callbacks, but the field row of one/;
  const tasks = ['import'];
  // The compiler does not see through this.
  const by = (task: mageflow.TaskLike): { successCallbacks: mageflow.TaskLike[] } => ({ successCallbacks: [task] });
  const refused: [what: string, make: () => Promise<unknown>, says: RegExp][] = [
    ['of a task, for want of a field', () => mage.sign(importFile, {}, by(channel)), missing],
    ['by its name', () => mage.sign(importFile, {}, by('channel')), missing],
    ['as a signature', async () => mage.sign(importFile, {}, by(await mage.sign(channel))), missing],
    ['of a root', () => mage.sign(root, {}, by(channel)), missing],
    ['of a chain', () => mage.chain(tasks, by(channel)), missing],
    ['of a swarm', () => mage.swarm({ tasks, ...by(channel) }), missing],
    ['of an entry', () => mage.swarm({ tasks: [['import', {}, by(channel)]] }), missing],
    ['of a swarm, for what it is given', () => mage.swarm({ tasks, ...by(one) }), noList],
    ['of a swarm, as a signature', async () => mage.swarm({ tasks, ...by(await mage.sign(one)) }), noList],
  ];
  test.each(refused)('%s', async (_, make, says) => {
    const before = await fixture.writtenKeys();
    const error = await rejection(make());
    expect(error).toBeInstanceOf(ConfigurationError);
    expect(error.message).toMatch(says);
    expect(await fixture.writtenKeys()).toEqual(before);
  });

  test('unless all that it needs is its result or bound', async () => {
    const bound = await mage.sign(channel, { channel: 'ops' });
    await mage.sign(importFile, {}, by(bound));
    await mage.sign(importFile, {}, by(one));
    await mage.sign(root, {}, by(parts));
    await mage.swarm({ tasks, ...by(list) });
    await mage.chain(tasks, by(one));
    await mage.sign(importFile, {}, { errorCallbacks: [channel, one] });
    await mage.sign(importFile, {}, by('served elsewhere'));
    await mage.sign(importFile, {}, by(await mage.chain([one])));
  });
});

test('options of a declaration that are undefined are the defaults', () => {
  const task = mage.task({ name: 'defaults', retries: undefined, executionTimeout: undefined, fn: () => 1 });
  expect(task.definition._tasks[0]).not.toHaveProperty('retries');
});

test('a schema that no message can fit is refused where it is declared', async () => {
  const declare = () => mage.task({ name: 'of-a-date', input: z.object({ at: z.date() }), fn: () => 1 });
  const error = await thrownBy(declare);
  expect(error).toBeInstanceOf(ConfigurationError);
  expect(error.message).toBe(
    "input of of-a-date: expected a schema of JSON values, but at is a date, which JSON can't represent. Parse it from a string: z.coerce.date(), z.coerce.bigint() or a transform.",
  );
});
