import type { Worker } from '@hatchet-dev/typescript-sdk';
import { randomBytes } from 'node:crypto';
import { eventually, Fixture, newHatchet, required } from '../helpers/fixture';
import { HalfOpenProxy } from '../helpers/half-open-proxy';

let proxy: HalfOpenProxy;
let fixture: Fixture;

beforeAll(async () => {
  const [host = '', port = ''] = required('HATCHET_CLIENT_HOST_PORT').split(':');
  proxy = await HalfOpenProxy.open(Number(port), host);
  fixture = new Fixture({}, newHatchet(undefined, { host_port: new URL(proxy.url).host }));
});
afterAll(async () => {
  await fixture.close();
  await proxy.close();
});

interface Internals {
  _internal: { listener: { retries: number; heartbeat: { heartbeatWorker?: unknown } } };
}

test('a worker that the SDK gives up says so, and its heartbeat ends, so that the engine gives it no more runs', async () => {
  const task = fixture.mage.task({ name: 'task', fn: async () => ({}) });
  const worker = await fixture.mage.worker(`w-${randomBytes(4).toString('hex')}`, {
    workflows: [task],
    handleKill: false,
  });
  const ended = worker.start().then(
    () => 'resolved',
    (error: unknown) => String(error),
  );
  await worker.waitUntilReady(120_000);
  const { listener } = (worker as Worker & Internals)._internal;
  await eventually('it has a heartbeat', () => listener.heartbeat.heartbeatWorker !== undefined);
  // What it has counted after 200 s without an engine.
  listener.retries = 21;
  await proxy.close();
  expect(await ended).toContain('Could not subscribe to the worker');
  expect(fixture.log.lines.join('\n')).toMatch(
    /has stopped and takes no more runs: .*Could not subscribe.* Start it again, or exit/,
  );
  expect(listener.heartbeat.heartbeatWorker === undefined).toBe(true);
  await worker.stop();
});
