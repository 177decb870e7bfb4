import assert from 'node:assert/strict';
import { HatchetClient } from '@hatchet-dev/typescript-sdk';
import { Redis } from 'ioredis';
import { z } from 'zod';
import { Mageflow, mageContext, returnValue, sign } from 'mageflow';
import * as library from 'mageflow';
import { createViewer } from 'mageflow/viewer';
import { checkExports, checkViewer, expectExit, useFakeEngine } from './client.cjs';

checkExports(library);
assert.equal(typeof mageContext, 'function');
useFakeEngine();
const redis = new Redis('redis://127.0.0.1:1', { lazyConnect: true });
const mage = new Mageflow(HatchetClient.init(), redis);
const task = mage.task({
  name: 'collect',
  input: z.object({ rows: returnValue(z.array(z.number())) }),
  fn: async ({ rows }) => ({ count: rows.length }),
});
assert.equal((await sign(task)).kind, 'task');
await checkViewer(createViewer, mage);
await mage.close();
redis.disconnect();
expectExit();
