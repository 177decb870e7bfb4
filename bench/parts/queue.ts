import { FlowProducer, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { closeBench } from '../helpers/bench-mage';
import { InstantSwarms } from '../helpers/instant-swarm';
import { median, perSecond, usedMemory } from '../helpers/measure';
import { inOrder } from '../helpers/sampling';
import type { Measured, Part } from '../part';

interface Round {
  addingMs: number;
  finishingMs: number;
  queuedBytes: number;
  finishedBytes: number;
}

const limit = 100;

async function bullmq(items: number, redis: Redis): Promise<Round> {
  const options = {
    host: redis.options.host ?? '127.0.0.1',
    port: redis.options.port ?? 6379,
    maxRetriesPerRequest: null,
  };
  const producer = new FlowProducer({ connection: options });
  await producer.waitUntilReady();
  const empty = await usedMemory(redis);
  const began = performance.now();
  await producer.add({
    name: 'parent',
    queueName: 'parents',
    children: Array.from({ length: items }, (_, n) => ({ name: 'child', queueName: 'children', data: { n } })),
  });
  const addingMs = performance.now() - began;
  const queuedBytes = ((await usedMemory(redis)) - empty) / items;
  let over = (): void => undefined;
  const end = new Promise<void>((resolve) => (over = resolve));
  const parents = new Worker('parents', async () => over(), { connection: options });
  await parents.waitUntilReady();
  const startedAt = performance.now();
  const children = new Worker('children', async ({ data }: { data: { n: number } }) => ({ n: data.n }), {
    connection: options,
    concurrency: limit,
  });
  await end;
  const finishingMs = performance.now() - startedAt;
  const finishedBytes = ((await usedMemory(redis)) - empty) / items;
  await Promise.all([parents.close(), children.close(), producer.close()]);
  return { addingMs, finishingMs, queuedBytes, finishedBytes };
}

async function mageflow(items: number, swarms: InstantSwarms): Promise<Round> {
  const { redis } = swarms.bench;
  const empty = await usedMemory(redis);
  const began = performance.now();
  const swarm = await swarms.swarm(limit);
  await swarm.addTasks(swarms.entries(items));
  const addingMs = performance.now() - began;
  const queuedBytes = ((await usedMemory(redis)) - empty) / items;
  const finishingMs = await swarms.finish(swarm);
  const finishedBytes = ((await usedMemory(redis)) - empty) / items;
  return { addingMs, finishingMs, queuedBytes, finishedBytes };
}

/** The bookkeeping of a swarm beside that of a well-known queue. */
export const queue: Part = {
  name: 'queue',
  about:
    "BullMQ's FlowProducer with 100,000 children of one parent, beside a swarm of as many on an engine that answers at once.",
  needs: 'redis',
  async run({ scale, rounds = 5 }, say): Promise<Measured> {
    const items = Math.round(100_000 * scale);
    const redis = new Redis(process.env['REDIS_URL'] ?? 'redis://127.0.0.1:6379');
    const swarms = new InstantSwarms();
    const sides = { mageflow: () => mageflow(items, swarms), BullMQ: () => bullmq(items, redis) };
    const names = ['mageflow', 'BullMQ'] as const;
    const measured: Record<keyof typeof sides, Round[]> = { mageflow: [], BullMQ: [] };
    // The code is compiled while it runs for the first time.
    await mageflow(Math.min(20_000, items), swarms);
    await bullmq(Math.min(20_000, items), redis);
    for (let round = 1; round <= rounds; round++) {
      for (const name of inOrder(names, round)) {
        await redis.flushall();
        const one = await sides[name]();
        measured[name].push(one);
        say(
          `${name}: adding ${perSecond(items, one.addingMs)}, finishing ${perSecond(items, one.finishingMs)} a second`,
        );
      }
    }
    await closeBench(swarms.bench);
    redis.disconnect();
    const of = (name: keyof typeof sides, field: keyof Round) => median(measured[name].map((one) => one[field]));
    const rows = names.map((name) => [
      name,
      perSecond(items, of(name, 'addingMs')),
      perSecond(items, of(name, 'finishingMs')),
      of(name, 'queuedBytes').toFixed(0),
      of(name, 'finishedBytes').toFixed(0),
    ]);
    const times = (field: keyof Round) => of('BullMQ', field) / of('mageflow', field);
    return {
      tables: [
        {
          title: `${items.toLocaleString('en')} items of one group, ${limit} at once, medians of ${rounds}`,
          columns: [
            '',
            'adding, items a second',
            'finishing, items a second',
            'bytes an item, queued',
            'bytes an item, finished',
          ],
          rows,
        },
      ],
      targets: [
        { what: 'adding beside BullMQ', aim: 4, got: times('addingMs'), unit: 'times as fast' },
        { what: 'finishing beside BullMQ', aim: 1, got: times('finishingMs'), unit: 'times as fast' },
        {
          what: 'bytes of a queued item beside BullMQ',
          aim: 4,
          got: times('queuedBytes'),
          unit: 'times as few',
        },
      ],
      raw: measured,
    };
  },
};
