import { randomBytes } from 'node:crypto';
import { required } from '../helpers/fixture';
import { runSequences, Stores } from './sequences';

const stores = new Stores(required('REDIS_URL'), `model-${randomBytes(5).toString('hex')}`);
afterAll(() => stores.close());

// What a random seed has found, each as the failure printed it.
const found = [
  {
    name: 'an item that is resumed after its group has stopped and ended leaves no queue',
    seed: 1337887723,
    path: '5:2:2:1:3:3:4:3:5:5:22:28:28:27:23:22:22:29:25:25:26:26:26:26:26:26:26:26:26:28:26:28:28:31:30:30:30:30:30:33:31:32:31:33:40:40:40:40:40:40:40:40@DJAEACFBBnA////V:qqP',
  },
];

test.each(found)('$name', async ({ seed, path }) => {
  expect(await runSequences(stores, { runs: 1, seed, path })).toBe(1);
});
