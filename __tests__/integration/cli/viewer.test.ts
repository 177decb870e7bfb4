// `mageflow viewer`: who gets in, and what the page may do then.
import { once } from 'node:events';
import { request } from 'node:http';
import { engineEnv, runCli, startCli, type CliEnv, type CliProcess } from '../../helpers/cli';
import { eventually, Fixture } from '../../helpers/fixture';

const fixture = new Fixture();
const { mage } = fixture;
const row = mage.task({ name: 'row', fn: () => ({}) });
const env = engineEnv(fixture);
const { HATCHET_CLIENT_TOKEN: _token, ...withoutToken } = env;
const started: CliProcess[] = [];
afterAll(async () => {
  for (const viewer of started) viewer.child.kill('SIGKILL');
  await fixture.close();
});

/** The addresses that it has printed. */
const addresses = ({ stdout }: CliProcess) => stdout.split('\n').filter(Boolean);

async function open(args: readonly string[] = [], of: CliEnv = env) {
  const viewer = startCli(['viewer', '--port', '0', '--key-prefix', fixture.keyPrefix, ...args], of);
  started.push(viewer);
  await eventually('its address', () => addresses(viewer).length === 1 || viewer.child.exitCode !== null);
  const address = new URL(addresses(viewer)[0]!);
  return { viewer, address, origin: address.origin };
}

/** Opens the address as a browser does, and returns the cookie. */
async function cookieOf(address: URL): Promise<string> {
  const response = await fetch(address, { redirect: 'manual' });
  expect(response.status).toBe(303);
  expect(response.headers.get('location')).toBe('/');
  const cookie = response.headers.get('set-cookie') ?? '';
  expect(cookie).toMatch(/HttpOnly; SameSite=Strict/);
  return cookie.split(';')[0]!;
}

function write(origin: string, id: string, cookie: string): Promise<Response> {
  return fetch(`${origin}/api/work/${id}/suspend`, {
    method: 'POST',
    body: '{}',
    headers: { cookie, origin, 'content-type': 'application/json', 'x-mageflow-viewer': '1' },
  });
}

test('the printed address lets one browser in, once, and then another one is printed', async () => {
  const { viewer, address, origin } = await open();
  expect(address.hostname).toBe('127.0.0.1');
  expect((await fetch(origin)).status).toBe(403);
  expect((await fetch(`${origin}/?token=wrong`)).status).toBe(403);
  const cookie = await cookieOf(address);
  expect((await fetch(address, { redirect: 'manual' })).status).toBe(403);
  expect((await fetch(origin, { headers: { cookie } })).status).toBe(200);
  await eventually('another address', () => addresses(viewer).length === 2);
  expect(await cookieOf(new URL(addresses(viewer)[1]!))).toBe(cookie);
  viewer.child.kill('SIGINT');
  expect(await viewer.end()).toMatchObject({ code: 0 });
});

test('with a token groups can be changed, and with --read-only they can not', async () => {
  const swarm = await mage.swarm({ tasks: [[row, {}]] });
  const reading = await open(['--read-only']);
  const refused = await write(reading.origin, swarm.id, await cookieOf(reading.address));
  expect(refused.status).toBe(403);
  expect(await swarm.status()).toBe('pending');
  const writing = await open();
  expect((await write(writing.origin, swarm.id, await cookieOf(writing.address))).status).toBe(200);
  expect(await swarm.status()).toBe('suspended');
});

test('without a token it reads with Redis alone, says so, and changes nothing', async () => {
  const swarm = await mage.swarm({ name: 'read alone', tasks: [[row, {}]] });
  const { viewer, address, origin } = await open(['--tenant', fixture.hatchet.tenantId], withoutToken);
  expect(viewer.stderr).toContain('HATCHET_CLIENT_TOKEN is not set');
  const cookie = await cookieOf(address);
  const shown = await fetch(`${origin}/api/work/${swarm.id}`, { headers: { cookie } });
  expect(await shown.json()).toMatchObject({ name: 'read alone' });
  expect((await write(origin, swarm.id, cookie)).status).toBe(403);
});

test('it answers to its own hosts only, so that no other name can lead a browser to it', async () => {
  const { address } = await open();
  const cookie = await cookieOf(address);
  const statusFor = async (host: string) => {
    const asked = request({ host: '127.0.0.1', port: address.port, path: '/', headers: { host, cookie } }).end();
    const [response] = (await once(asked, 'response')) as [{ statusCode: number; resume(): void }];
    response.resume();
    return response.statusCode;
  };
  expect(await statusFor(`localhost:${address.port}`)).toBe(200);
  expect(await statusFor(`[::1]:${address.port}`)).toBe(200);
  expect(await statusFor(`evil.example.com:${address.port}`)).toBe(421);
  expect(await statusFor('localhost:1')).toBe(421);
});

test('a port that is taken, and one that is none, are wrong usage', async () => {
  const { address } = await open();
  const at = (port: string) => runCli(['viewer', '--port', port], env);
  expect(await at(address.port)).toMatchObject({ code: 2, stderr: expect.stringContaining('is taken') });
  expect(await at('x')).toMatchObject({ code: 2, stderr: expect.stringContaining('--port: expected') });
  expect(await at('70000')).toMatchObject({ code: 2, stderr: expect.stringContaining('--port: expected') });
});
