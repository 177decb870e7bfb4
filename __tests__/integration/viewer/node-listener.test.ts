import { once } from 'node:events';
import { createServer, request as send, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createViewer, toNodeListener, type Viewer } from '../../../src/viewer';
import { EventStream } from '../../helpers/event-stream';
import { eventually } from '../../helpers/fixture';
import { ViewerFixture } from '../../helpers/viewer';

const fixture = new ViewerFixture();
const servers: Server[] = [];
afterAll(async () => {
  for (const server of servers) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
  await fixture.close();
});

async function listen(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A viewer that answers with what it received, to look at what the listener made of a request. */
const echo = Object.assign(
  async (request: Request) =>
    Response.json({
      url: new URL(request.url).pathname,
      type: request.headers.get('content-type'),
      body: await request.text(),
    }),
  { basePath: '', close: () => undefined },
) satisfies Viewer;

const json = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"a":[1,"ü"]}' };

test('the page and its events are served by plain http', async () => {
  const group = await fixture.swarm(2);
  const url = await listen(toNodeListener(fixture.viewer()));
  const page = await fetch(url);
  expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
  expect(page.headers.get('content-security-policy')).toContain("default-src 'none'");
  const stream = new EventStream(await fetch(`${url}/api/work/${group.id}/events`));
  expect(await stream.next()).toMatchObject({ event: 'snapshot' });
  await group.execute('0');
  expect(await stream.next()).toMatchObject({ event: 'change' });
  await stream.close();
  const head = await fetch(url, { method: 'HEAD' });
  expect(head.status).toBe(200);
  expect(await head.text()).toBe('');
});

test('a body arrives, whether a parser has read it before or not', async () => {
  const listener = toNodeListener(echo);
  const plain = await listen(listener);
  // As express.json() does it.
  const parsed = await listen((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      Object.assign(request, { body: JSON.parse(Buffer.concat(parts).toString()) as unknown });
      listener(request, response);
    });
  });
  // As body-parser does it for a type that is not its own.
  const empty = await listen((request, response) => listener(Object.assign(request, { body: {} }), response));
  for (const url of [plain, parsed, empty]) {
    const answer = (await (await fetch(url, json)).json()) as { body: string };
    expect(JSON.parse(answer.body)).toEqual({ a: [1, 'ü'] });
  }
});

test('the address is the one that the browser sees, where a framework has cut it', async () => {
  const listener = toNodeListener(echo);
  const url = await listen((request, response) => {
    const whole = Object.assign(request, { originalUrl: request.url });
    request.url = '/api/list';
    listener(whole, response);
  });
  expect(await (await fetch(`${url}/ops/api/list`)).json()).toMatchObject({ url: '/ops/api/list' });
});

test('a client that goes away leaves no stream behind', async () => {
  const group = await fixture.swarm(1);
  let open = 0;
  const viewer = createViewer(fixture.reader);
  const counting: Viewer = Object.assign(
    async (request: Request) => {
      const response = await viewer(request);
      open += 1;
      request.signal.addEventListener('abort', () => (open -= 1));
      return response;
    },
    { basePath: '', close: () => viewer.close() },
  );
  const url = await listen(toNodeListener(counting));
  const client = send(`${url}/api/work/${group.id}/events`).end();
  await once(client, 'response');
  expect(open).toBe(1);
  client.on('error', () => undefined).destroy();
  await eventually('the stream is closed', () => open === 0);
  viewer.close();
});

test('a request without a proper address is refused, and the server goes on', async () => {
  const url = await listen(toNodeListener(fixture.viewer()));
  const { port } = new URL(url);
  const client = send({ host: '127.0.0.1', port, path: '/', headers: { host: 'a b' } }).end();
  const [response] = (await once(client, 'response')) as [{ statusCode: number; resume(): void }];
  response.resume();
  expect(response.statusCode).toBe(400);
  expect((await fetch(url)).status).toBe(200);
});
