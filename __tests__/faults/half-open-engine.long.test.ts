import { once } from 'node:events';
import { createServer } from 'node:http2';
import { createServer as createTcpServer, type AddressInfo, type Server } from 'node:net';
import { EngineClient } from '../../src/hatchet/client';
import { Batch } from '../helpers/batch';
import { eventually, Fixture, gate, newHatchet, required } from '../helpers/fixture';
import { HalfOpenProxy } from '../helpers/half-open-proxy';

const quick = { leaseMs: 1_000, reconcileIntervalMs: 300, commandTimeoutMs: 2_000 };
const closers: (() => Promise<unknown>)[] = [];
afterAll(async () => {
  for (const close of closers.reverse()) await close();
});

const addressOf = (proxy: HalfOpenProxy) => new URL(proxy.url).host;

async function proxyOf(address: string): Promise<HalfOpenProxy> {
  const { hostname, port } = new URL(`tcp://${address.replace(/^\w+:\/\//, '')}`);
  const proxy = await HalfOpenProxy.open(Number(port), hostname);
  closers.push(() => proxy.close());
  return proxy;
}

async function listening(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test('no call waits for ever for an engine that takes what it is sent and answers nothing', async () => {
  // Its pings are answered, so that the connection counts as alive.
  const grpc = createServer();
  const rest = createTcpServer((socket) => void socket.on('error', () => undefined).resume());
  const addresses = { host_port: await listening(grpc), api_url: `http://${await listening(rest)}` };
  const engine = new EngineClient(newHatchet('mute', addresses));
  const request = { workflowName: 'task', input: {}, additionalMetadata: {}, options: undefined };
  const outcomes = await Promise.allSettled([
    engine.publish([request]),
    engine.state('9b3c2f0e-8a58-4d50-8d3a-0e5c5b0c7a11'),
    engine.cancel(['9b3c2f0e-8a58-4d50-8d3a-0e5c5b0c7a11']),
    engine.findRun('signature', 'group', '0', 'token'),
    engine.knowsName('task'),
  ]);
  const messages = outcomes.map((outcome) => (outcome.status === 'rejected' ? String(outcome.reason) : 'an answer'));
  expect(messages).toEqual([
    'Error: the engine gave no answer within 30 s',
    'Error: the engine gave no answer within 10 s',
    'Error: The engine did not cancel 1 runs: the engine gave no answer within 30 s.',
    'Error: the engine gave no answer within 10 s',
    'Error: the engine gave no answer within 10 s',
  ]);
  expect(outcomes[0]).toMatchObject({ reason: { kind: 'transient' } });
  grpc.close();
  rest.close();
});

test('a batch ends exactly when its publisher and worker lose their connections without a word', async () => {
  const proxy = await proxyOf(required('HATCHET_CLIENT_HOST_PORT'));
  const near = new Fixture(quick, newHatchet(undefined, { host_port: addressOf(proxy) }));
  const far = new Fixture({ ...quick, keyPrefix: near.keyPrefix }, newHatchet(near.hatchet.config.namespace));
  closers.push(
    () => near.close(),
    () => far.close(),
  );
  const batch = new Batch(near.mage, 'lost');
  near.onRelease(() => batch.release());
  await near.worker(batch.tasks);
  await batch.start();
  proxy.swallow();
  await far.worker(batch.tasksOf(far.mage));
  batch.release();
  // What the near one holds it publishes when the SDK gives the connection up, after about 70 s; what it runs, the
  // engine starts again elsewhere after 30 s.
  await batch.check(1, 240_000);
}, 300_000);

describe('while only the REST part of the engine is away', () => {
  let proxy: HalfOpenProxy;
  let fixture: Fixture;
  const held = gate();
  let began = 0;

  beforeAll(async () => {
    const url = new URL(required('HATCHET_CLIENT_API_URL'));
    proxy = await proxyOf(url.host);
    fixture = new Fixture(quick, newHatchet(undefined, { api_url: `http://${addressOf(proxy)}` }));
    closers.push(() => fixture.close());
    fixture.onRelease(held.open);
    const hold = fixture.mage.task({
      name: 'hold',
      fn: async (_: object, ctx) => {
        began += 1;
        const { signal } = ctx.abortController;
        await Promise.race([
          held.opened,
          new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new Error('aborted')))),
        ]);
        return {};
      },
    });
    const pass = fixture.mage.task({ name: 'pass', fn: async ({ n }: { n: number }) => ({ n }) });
    await fixture.worker([hold, pass]);
  });

  test('a swarm runs as ever, and a cancel says what did not answer and is completed later', async () => {
    const tasks = [0, 1, 2].map(() => ['hold', {}] as const);
    const swarm = await fixture.mage.swarm({ tasks, config: { maxConcurrency: 2 }, isSwarmClosed: true });
    await swarm.runNoWait();
    await eventually('two are running', () => began === 2);
    proxy.swallow(true);
    const plain = await fixture.mage.swarm({
      tasks: Array.from({ length: 20 }, (_, n) => ['pass', { n }] as const),
      config: { maxConcurrency: 3 },
      isSwarmClosed: true,
    });
    expect(await plain.run()).toEqual(Array.from({ length: 20 }, (_, n) => ({ n })));
    await expect(swarm.cancel()).rejects.toThrow(
      'The engine did not cancel 2 runs: the engine gave no answer within 30 s.',
    );
    expect(await swarm.status()).not.toBe('cancelled');
    proxy.letNewThrough();
    await eventually('the reconciler has cancelled it', async () => (await swarm.status()) === 'cancelled');
    expect(await swarm.progress()).toMatchObject({ cancelled: 3, running: 0 });
    expect(began).toBe(2);
  });
});
