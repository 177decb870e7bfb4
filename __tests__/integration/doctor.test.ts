// `mage.doctor` asks a real engine here: whether it answers, and which tasks no worker serves.
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import type { AnyDeclaration, DoctorCheck, DoctorFinding, Mageflow } from '../../src';
import { eventually, Fixture, newHatchet, stopListening } from '../helpers/fixture';
import { allChecks, findingOf } from '../helpers/doctor-reading';
import { closedPort } from '../helpers/own-redis';
import { statusOf } from '../helpers/outcomes';
import { openTasks } from '../helpers/task-set';

const { fixture, mage, taskSet, work } = openTasks();
const { hatchet } = fixture;

async function found(check: DoctorCheck, of: Pick<Mageflow, 'doctor'> = mage): Promise<DoctorFinding> {
  return findingOf(await of.doctor(), check);
}

/** Registers what no worker serves from then on. */
async function register(task: AnyDeclaration): Promise<void> {
  const worker = await hatchet.worker('registers', { workflows: [task], handleKill: false });
  const running = worker.start();
  await worker.waitUntilReady(120_000);
  await worker.stop();
  await running;
}

/** Another instance on the same store, whose engine is at other addresses. */
function elsewhere(addresses: { host_port?: string; api_url?: string }): Mageflow {
  const { namespace = '' } = hatchet.config;
  const other = newHatchet(namespace, addresses);
  const near = new Fixture({ keyPrefix: fixture.keyPrefix }, other);
  near.checksKeys = false;
  fixture.onClose(async () => {
    stopListening(other);
    near.redis.disconnect();
    await near.mage.close();
  });
  return near.mage;
}

test('a store with a worker and an engine has no error, and names the version of the engine', async () => {
  const swarm = await mage.swarm({ tasks: [[work, { label: 'held', waitFor: 'held' }]], isSwarmClosed: true });
  await swarm.runNoWait();
  await taskSet.started('held');
  // A busy machine makes the engine slow, which is a warning.
  const findings = await eventually('the worker is seen, and the engine answers fast', async () => {
    const all = await mage.doctor();
    const isFine = (check: DoctorCheck) => findingOf(all, check).level === 'ok';
    return isFine('tasks') && isFine('reconcilers') && isFine('engine') && all;
  });
  expect([...new Set(findings.map(({ check }) => check))]).toEqual(allChecks);
  const ofWork = findings.slice(allChecks.indexOf('engine'));
  expect(ofWork.filter(({ level }) => level !== 'ok')).toEqual([]);
  expect(findingOf(findings, 'engine').text).toMatch(/^Hatchet v?\d.* answers \(REST in \d+ ms, gRPC in \d+ ms\)\.$/);
  expect(findingOf(findings, 'tasks').text).toContain('Workers serve the 1 task name in progress');
  taskSet.openGate('held');
  await statusOf(swarm, 'succeeded');
});

test('a pass of a worker notes that it reconciles', async () => {
  const other = fixture.another({ reconcileIntervalMs: 100 });
  const before = (await found('reconcilers')).ids?.length ?? 0;
  other.startReconciler();
  await eventually('it is counted', async () => ((await found('reconcilers')).ids?.length ?? 0) > before);
  await other.stopReconciler();
});

test('tasks that no worker serves, or ever registered, are errors that name their groups', async () => {
  const absent = mage.task({ name: 'absent', fn: () => ({}) });
  await register(absent);
  const swarm = await mage.swarm({
    // The last one is not published yet: its turn comes when there is a slot.
    tasks: [absent, 'resise', [work, { label: 'later' }], 'typo-of-later'],
    config: { maxConcurrency: 2 },
    isSwarmClosed: true,
  });
  await swarm.runNoWait();
  const errors = await eventually('the engine has noticed that the worker is gone', async () => {
    const all = (await mage.doctor()).filter(({ check }) => check === 'tasks');
    return all.length === 3 && all;
  });
  expect(errors.every(({ level, ids }) => level === 'error' && ids?.includes(swarm.id))).toBe(true);
  const texts = errors.map(({ text }) => text);
  expect(texts).toContainEqual(expect.stringMatching(/^No active worker serves the task "absent"/));
  expect(texts).toContainEqual(expect.stringMatching(/^No worker has ever registered a task named "resise"/));
  expect(texts).toContainEqual(expect.stringMatching(/^No worker has ever registered a task named "typo-of-later"/));
  expect(errors.map(({ todo }) => todo)).toContainEqual(expect.stringContaining('Start a worker that has "absent"'));
  await swarm.cancel();
});

test('an engine that is away is an error, and whether workers serve the tasks is not judged then', async () => {
  const task = await mage.sign(work, { label: 'away', waitFor: 'away' });
  await task.runNoWait();
  await taskSet.started('away');
  const port = await closedPort();
  const findings = await elsewhere({ host_port: `127.0.0.1:${port}`, api_url: `http://127.0.0.1:${port}` }).doctor();
  expect(findingOf(findings, 'engine')).toMatchObject({
    level: 'error',
    text: expect.stringContaining('ECONNREFUSED') as string,
    todo: expect.stringContaining('Start Hatchet') as string,
  });
  expect(findingOf(findings, 'tasks')).toMatchObject({
    level: 'unchecked',
    text: expect.stringContaining("the engine can't be asked") as string,
  });
  expect(findingOf(findings, 'redis').level).toBe('ok');
  taskSet.openGate('away');
  await statusOf(task, 'succeeded');
});

test('an engine that answers REST and not gRPC is an error', async () => {
  const port = await closedPort();
  const finding = await found('engine', elsewhere({ host_port: `127.0.0.1:${port}` }));
  expect(finding.level).toBe('error');
});

test('an engine that takes more than a second to answer is a warning', async () => {
  const target = new URL(hatchet.config.api_url);
  const sockets = new Set<Socket>();
  // The proxy delays each answer by this time.
  const server = createServer((client) => {
    const upstream = connect(Number(target.port), target.hostname);
    client.pipe(upstream);
    upstream.on('data', (data) => void setTimeout(() => client.write(data), 1_100));
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const slow = elsewhere({ api_url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
  expect(await found('engine', slow)).toMatchObject({
    level: 'warning',
    text: expect.stringContaining('answers slowly: REST in 1') as string,
    todo: expect.stringContaining('load of Hatchet') as string,
  });
  for (const socket of sockets) socket.destroy();
  server.close();
});

test('mage.stats counts what the instance holds', async () => {
  const swarm = await mage.swarm({ tasks: Array.from({ length: 6 }, () => work), isSwarmClosed: true });
  await swarm.run();
  const { groups, perSecond, memory } = await mage.stats();
  expect(groups.byStatus.succeeded).toBeGreaterThan(0);
  expect(perSecond).toBeGreaterThan(0);
  expect(memory?.parts.length).toBeGreaterThan(0);
});
