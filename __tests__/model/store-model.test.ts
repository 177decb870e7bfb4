import { randomBytes } from 'node:crypto';
import { required } from '../helpers/fixture';
import { sampled } from '../helpers/thorough';
import { runSequences, Stores } from './sequences';

const stores = new Stores(required('REDIS_URL'), `model-${randomBytes(5).toString('hex')}`);
afterAll(() => stores.close());

const seed = Number(process.env['MODEL_SEED'] ?? Math.floor(Math.random() * 2 ** 31));

const runs = sampled(2_000);

test(`${runs} random sequences of calls leave a group as the model says (seed ${seed})`, async () => {
  await runSequences(stores, { runs, seed });
}, 1_800_000);
