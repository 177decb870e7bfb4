import { execution, StoreFixture, threw } from '../helpers/store';
import { claimToken } from '../../src/store/executions';

const fixture = new StoreFixture();
afterAll(() => fixture.close());

test.each([
  ['before its confirmation', false],
  ['after its confirmation', true],
])(
  'the run after one that was handed back while suspended has the attempts that are left, begun %s',
  async (_, first) => {
    const group = await fixture.group(2, { maxConcurrency: 1, closed: true }, { message: '{}' });
    const { store, id } = group;
    const start = (entry: string, run: string, retry: number, handBack = false) =>
      store.start(id, entry, execution(run, retry), { token: claimToken(group.group.secret, entry), handBack });
    await start('0', 'old', 0);
    expect((await group.finish('0', threw(2), execution('old', 0))).code).toBe('retry');
    await store.suspend(id, true);
    expect((await start('0', 'old', 1)).code).toBe('suspended');
    expect((await start('0', 'old', 1, true)).code).toBe('requeued');
    expect([await group.state('0'), (await group.snapshot()).slots]).toEqual(['suspended', 0]);
    // Late events of the run that was handed back change nothing.
    expect((await start('0', 'old', 2)).code).toBe('requeued');
    expect((await group.finish('0', threw(2), execution('old', 1))).code).toBe('refused');

    const { effects } = await store.suspend(id, false);
    expect(effects.grants.map(({ entry }) => entry)).toEqual(['0']);
    if (first) await store.confirm(id, ['0', 'new']);
    for (const attempt of [0, 1]) {
      expect((await start('0', 'new', attempt)).code).toBe('run');
      const { code } = await group.finish('0', threw(2), execution('new', attempt));
      expect([attempt, code]).toEqual([attempt, attempt === 1 ? 'ended' : 'retry']);
    }

    // Tried again as a whole, it has all of its attempts again.
    await start('1', 'run-1', 0);
    await group.finish('1', undefined, execution('run-1', 0));
    for (let reply = await store.retry(id); reply.code === 'continue';) reply = await store.retry(id, 'more');
    for (const attempt of [0, 1, 2]) {
      await start('0', 'third', attempt);
      const { code } = await group.finish('0', threw(2), execution('third', attempt));
      expect([attempt, code]).toEqual([attempt, attempt === 2 ? 'ended' : 'retry']);
    }
  },
);
