import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { ClosingConfig } from '../helpers/closing-process';
import { eventually, Fixture, required } from '../helpers/fixture';

// A process that runs something, closes its instance and has nothing more to do.
const hour = 60 * 60 * 1_000;
// Nobody looks after what it leaves: what it has not published itself comes in an hour.
const fixture = new Fixture({ leaseMs: hour, reconcileIntervalMs: hour });
let callbacksRun = 0;

beforeAll(async () => {
  const { mage, hatchet } = fixture;
  const done = mage.task({ name: 'done', fn: () => ({ callbacksRun: ++callbacksRun }) });
  const plain = hatchet.task({ name: 'unwrapped', fn: () => ({ done: true }) });
  const workflow = hatchet.workflow({ name: 'steps' });
  const first = workflow.task({ name: 'first', fn: () => ({ done: true }) });
  workflow.task({ name: 'second', parents: [first], fn: () => ({ done: true }) });
  await fixture.worker([done, plain, workflow]);
});
afterAll(() => fixture.close());

test.each(['unwrapped', 'steps', 'done'])(
  'publishes the callback of a swarm whose last item is %s before it is closed, and then ends by itself',
  async (task) => {
    const before = callbacksRun;
    const config: ClosingConfig = {
      namespace: fixture.hatchet.config.namespace ?? '',
      redisUrl: required('REDIS_URL'),
      keyPrefix: fixture.keyPrefix,
      task,
      callback: 'done',
    };
    const child = spawn(process.execPath, ['--import', 'tsx', join(__dirname, '../helpers/closing-process.ts')], {
      env: { ...process.env, MAGEFLOW_CLOSING_PROCESS: JSON.stringify(config) },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    child.stdout.on('data', (data: Buffer) => (output += data.toString()));
    const [code] = (await once(child, 'exit')) as [number | null];
    expect({ code, output }).toEqual({ code: 0, output: 'closed\n' });
    await eventually('the callback has run', () => callbacksRun > before + (task === 'done' ? 1 : 0));
  },
);
