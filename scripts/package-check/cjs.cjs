const assert = require('node:assert/strict');
const { HatchetClient } = require('@hatchet-dev/typescript-sdk');
const { Redis } = require('ioredis');
const { z } = require('zod');
const library = require('mageflow');
const { createViewer } = require('mageflow/viewer');
const { checkExports, checkViewer, expectExit, useFakeEngine } = require('./client.cjs');

async function main() {
  checkExports(library);
  useFakeEngine();
  const redis = new Redis('redis://127.0.0.1:1', { lazyConnect: true });
  const mage = new library.Mageflow(HatchetClient.init(), redis);
  const task = mage.task({
    name: 'collect',
    input: z.object({ rows: library.returnValue(z.array(z.number())) }),
    fn: async ({ rows }) => ({ count: rows.length }),
  });
  assert.equal((await library.sign(task)).kind, 'task');
  await checkViewer(createViewer, mage);
  await mage.close();
  redis.disconnect();
  expectExit();
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
