// A process with a kit ends by itself after its close.
import assert from 'node:assert/strict';
import { createTestKit } from 'mageflow/testing';
import { importFile, mage, report, startImport } from './tasks.mjs';

assert.equal(typeof startImport, 'function');
const kit = await createTestKit();
kit.register([importFile, report]);
const swarm = await kit.mage.swarm({
  tasks: [[importFile, { path: 'a' }]],
  successCallbacks: [report],
  isSwarmClosed: true,
});
await swarm.runNoWait({});
await kit.drain();
assert.equal(kit.runsOf(report).length, 1);
await kit.advance('1h');
await kit.close();
await mage.close();
