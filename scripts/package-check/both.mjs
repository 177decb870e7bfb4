// An application whose own code is ESM beside a dependency that requires mageflow: two copies, one state.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { HatchetClient } from '@hatchet-dev/typescript-sdk';
import { Redis } from 'ioredis';
import * as esm from 'mageflow';
import { createViewer } from 'mageflow/viewer';
import { checkExports, checkViewer, errors, expectExit, useFakeEngine } from './client.cjs';

const cjs = createRequire(import.meta.url)('mageflow');
const state = () => globalThis[Symbol.for('mageflow/1')];
const thrownBy = async (work) => {
  try {
    await work();
  } catch (error) {
    return error;
  }
  return assert.fail('expected sign() without an open Mageflow to throw ConfigurationError, it returned');
};

checkExports(esm);
checkExports(cjs);
assert.notEqual(esm.Mageflow, cjs.Mageflow, 'expected two copies, one from import and one from require');
assert.deepEqual(
  Object.keys(esm).filter((name) => name !== 'default'),
  Object.keys(cjs).sort(),
  'expected both copies to export the same names',
);

const fromEsm = await thrownBy(() => esm.sign('anything'));
const stateOfEsm = state();
const fromCjs = await thrownBy(() => cjs.sign('anything'));
for (const [error, own, other] of [
  [fromEsm, esm, cjs],
  [fromCjs, cjs, esm],
]) {
  assert.ok(error instanceof own.ConfigurationError, `expected ConfigurationError, got ${error}`);
  assert.ok(error instanceof other.ConfigurationError, "expected an error of one copy to be one of the other's class");
  assert.ok(error instanceof other.MageflowError, "expected an error of one copy to be one of the other's base class");
  for (const name of errors) {
    if (name === 'MageflowError' || name === 'ConfigurationError') continue;
    assert.ok(!(error instanceof other[name]), `expected a ConfigurationError not to be a ${name}`);
  }
  assert.ok(!(new Error('plain') instanceof other.MageflowError), 'expected a plain Error to be none of ours');
}
assert.ok(stateOfEsm, "expected the process state on globalThis[Symbol.for('mageflow/1')]");
assert.equal(state(), stateOfEsm, 'expected both copies to use one process state');

useFakeEngine();
const redis = new Redis('redis://127.0.0.1:1', { lazyConnect: true });
const mage = new esm.Mageflow(HatchetClient.init(), redis);
assert.equal((await cjs.sign('anything')).kind, 'task', "expected one copy to find the other's default instance");
await checkViewer(createViewer, mage);
await checkViewer(createRequire(import.meta.url)('mageflow/viewer').createViewer, mage);
await mage.close();
redis.disconnect();
expectExit();
