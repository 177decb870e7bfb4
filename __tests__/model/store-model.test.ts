import { randomBytes } from 'node:crypto';
import { Redis } from 'ioredis';
import { required } from '../helpers/fixture';
import { seedsOf } from '../helpers/seeds';
import { url } from '../in-process/address';
import { readCases } from './cases';
import { runCase, runSequences, seedsFrom, Stores } from './sequences';

const address = required('REDIS_URL');
const stores = new Stores(new Redis(address, { lazyConnect: true }), `model-${randomBytes(5).toString('hex')}`);
afterAll(() => stores.close());

// The in-process Redis is slower: `npm run model -- --in-process` runs as many as one likes.
const runs = address === url ? 64 : 2_000;
const [first = 0, ...others] = seedsOf('model');

test(`${runs} random sequences of calls leave a group as the model says (seed ${first}${others.length > 0 ? ' and others' : ''})`, async () => {
  await runSequences(stores, { runs, seeds: others.length > 0 ? [first, ...others] : seedsFrom(first) });
}, 1_800_000);

// What a seed has found once. A failure prints its case, see cases.ts.
test.each(readCases().map((one) => [one.what, one] as const))('%s', (_, one) => runCase(stores, one));
