import { HatchetClient } from '@hatchet-dev/typescript-sdk';
import { Redis } from 'ioredis';
import { Mageflow, type MageflowOptions } from '../../src';
import { hardLives } from './hard-lives';
import { quietLogger } from './quiet';
import { Recorder } from './recorder';

// Run by itself: a process of its own that can be killed. Configured by MAGEFLOW_TEST_PROCESS; prints JSON lines.

/** The instructions for a process of a test. */
export interface ProcessConfig {
  /** A worker serves the tasks; a client runs a swarm of `items` and does nothing else; a filler fills one with them. */
  role: 'worker' | 'client' | 'filler';
  namespace: string;
  redisUrl: string;
  /** Where bodies note what they do: a Redis that stays while another one is away. */
  recordUrl: string;
  recordKey: string;
  options: MageflowOptions;
  slots?: number;
  items?: number;
  maxConcurrency?: number;
  /** At which the items of a client work, and at which a filler waits before its swarm is filled. */
  gate?: string;
  /** Of the swarm of a filler. */
  key?: string;
}

const say = (line: object) => process.stdout.write(`${JSON.stringify(line)}\n`);

async function main(config: ProcessConfig): Promise<void> {
  const hatchet = HatchetClient.init({ namespace: config.namespace, logger: quietLogger as never });
  const log = (message: string) => say({ event: 'log', message });
  const mage = new Mageflow(hatchet, new Redis(config.redisUrl), {
    ...config.options,
    logger: { info: log, warn: log, error: log },
  });
  if (config.role === 'client') {
    const tasks = Array.from(
      { length: config.items ?? 1 },
      (_, n) => ['stamp', { n, ...(config.gate ? { gate: config.gate } : {}) }] as const,
    );
    const swarm = await mage.swarm({
      tasks,
      successCallbacks: ['done'],
      config: { maxConcurrency: config.maxConcurrency ?? 30 },
      isSwarmClosed: true,
    });
    say({ event: 'swarm', id: swarm.id });
    await swarm.runNoWait();
    say({ event: 'published' });
    return;
  }
  const recorder = new Recorder(config.recordUrl, config.recordKey);
  if (config.role === 'filler') {
    const callbacks = { successCallbacks: ['done'], errorCallbacks: ['done'] };
    await mage.swarm({ ...callbacks, key: config.key }, async (swarm) => {
      say({ event: 'filling', id: swarm.id });
      const entries = Array.from({ length: config.items ?? 1 }, (_, n) => ['stamp', { n }, { key: `${n}` }] as const);
      await swarm.addTasks(entries, { run: true });
      say({ event: 'added' });
      if (config.gate) await recorder.opened(config.gate);
    });
    say({ event: 'filled' });
    return;
  }
  const workflows = [...recorder.tasks(mage), ...hardLives(mage, recorder)];
  const worker = await mage.worker('worker-process', { workflows, slots: config.slots ?? 100 });
  const running = worker.start();
  await worker.waitUntilReady(120_000);
  say({ event: 'ready' });
  await running;
}

const text = process.env['MAGEFLOW_TEST_PROCESS'];
if (text) {
  main(JSON.parse(text) as ProcessConfig).catch((error: unknown) => {
    say({ event: 'error', message: String(error) });
    process.exit(1);
  });
}
