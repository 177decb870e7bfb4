import { claimToken } from '../../../src/store/executions';
import { StoreFixture, execution, specs, threw } from '../../helpers/store';

const fixture = new StoreFixture();
const { store } = fixture;
afterAll(() => fixture.close());

test('an item that is tried again gets all of its attempts, whatever a former run had spent when it was handed back', async () => {
  const group = await fixture.group(specs(1), { closed: true, stopAfterNFailures: 1 }, { message: '{}' });
  const former = execution('former');
  await group.start('0', former);
  expect((await group.finish('0', threw(1), former)).code).toBe('retry');
  await store.suspend(group.id, true);
  const token = claimToken(group.group.secret, '0');
  const reply = await store.start(group.id, '0', execution('former', 1), { token, handBack: true });
  expect(reply.code).toBe('requeued');
  await store.cancel(group.id, 'user');
  await store.retry(group.id);
  await store.retry(group.id, 'more');
  const again = execution('again');
  await group.start('0', again);
  expect((await group.finish('0', threw(1), again)).code).toBe('retry');
});
