// The viewer in the frameworks that docs/guides/viewer.md shows, each installed from npm: below a base path, behind the session
// cookie of the application, and beside a body parser and a route of the application's own.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { serve } from '@hono/node-server';
import express from 'express';
import fastify from 'fastify';
import { Hono } from 'hono';
import { createViewer, toNodeListener } from 'mageflow/viewer';

const basePath = '/ops/mageflow';
const cookie = 'theme=dark; session=ada';

/** A store of one swarm, so that no Redis is needed. */
function sourceOf(retried) {
  const nothing = () => Promise.reject(new Error('not asked for'));
  return {
    hatchet: { tenantId: 'tenant' },
    list: async () => ({ items: [] }),
    load: async (id) => ({ id, kind: 'swarm', retryFailed: async (filter) => (retried.push(filter), 3) }),
    onClose: () => () => undefined,
    ...Object.fromEntries(
      ['describe', 'failures', 'explain', 'progress', 'items', 'timeline', 'verifyProgressToken'].map((name) => [
        name,
        nothing,
      ]),
    ),
  };
}

const listening = async (server) => {
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return { port: server.address().port, close: () => (server.closeAllConnections(), server.close()) };
};

/** Each starts a server with the viewer below the base path, and `own` at /own. */
const frameworks = {
  http: (viewer) => {
    const listener = toNodeListener(viewer);
    return listening(
      createServer((request, response) => {
        if (request.url.startsWith(basePath)) listener(request, response);
        else response.end('own');
      }),
    );
  },
  express: (viewer) => {
    const app = express();
    app.use(express.json());
    app.use(basePath, toNodeListener(viewer));
    app.get('/own', (_request, response) => void response.send('own'));
    return listening(createServer(app));
  },
  fastify: async (viewer) => {
    const app = fastify();
    const listener = toNodeListener(viewer);
    for (const url of [basePath, `${basePath}/*`])
      app.all(url, (request, reply) => {
        reply.hijack();
        listener(Object.assign(request.raw, { body: request.body }), reply.raw);
      });
    app.get('/own', async () => 'own');
    await app.listen({ port: 0, host: '127.0.0.1' });
    return { port: app.server.address().port, close: () => (app.server.closeAllConnections(), app.close()) };
  },
  hono: async (viewer) => {
    const app = new Hono();
    app.all(basePath, (context) => viewer(context.req.raw));
    app.all(`${basePath}/*`, (context) => viewer(context.req.raw));
    app.get('/own', (context) => context.text('own'));
    const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' });
    if (!server.listening) await once(server, 'listening');
    return { port: server.address().port, close: () => (server.closeAllConnections(), server.close()) };
  },
};

for (const [name, start] of Object.entries(frameworks)) {
  const retried = [];
  const viewer = createViewer(sourceOf(retried), {
    basePath,
    readOnly: false,
    authorize: ({ headers }) => /\bsession=ada\b/.test(headers.get('cookie') ?? '') && { read: true, write: true },
  });
  const { port, close } = await start(viewer);
  const origin = `http://127.0.0.1:${port}`;
  const ask = (path, options = {}) =>
    fetch(origin + path, { signal: AbortSignal.timeout(20_000), ...options, headers: { cookie, ...options.headers } });
  const text = async (path) => (await ask(path)).text();

  assert.equal(await text('/own'), 'own', name);
  assert.equal((await fetch(origin + basePath)).status, 403, `${name}: without the cookie`);
  const script = /src="([^"]+\.js)"/.exec(await text(basePath))?.[1];
  assert.ok(script?.startsWith(`${basePath}/assets/`), `${name}: ${script}`);
  assert.match(await text(script), /EventSource/, name);
  assert.match(await text(`${basePath}/work/some.id`), /<div id="app">/, name);

  const events = await ask(`${basePath}/api/list/events`);
  assert.match(events.headers.get('content-type'), /^text\/event-stream/, name);
  const decoder = new TextDecoder();
  let received = '';
  for await (const part of events.body) if (/event: snapshot/.test((received += decoder.decode(part)))) break;

  const write = (headers) =>
    ask(`${basePath}/api/work/x/retry`, {
      method: 'POST',
      body: JSON.stringify({ name: 'öre' }),
      headers: { 'content-type': 'application/json', 'x-mageflow-viewer': '1', origin, ...headers },
    });
  assert.deepEqual(await (await write()).json(), { retried: 3 }, name);
  assert.deepEqual(retried, [{ name: 'öre' }], name);
  assert.equal((await write({ origin: 'https://evil.example.com' })).status, 403, name);
  assert.equal(retried.length, 1, name);
  viewer.close();
  close();
}
// A route handler of Next gets the request of fetch, and returns the response.
const viewer = createViewer(sourceOf([]), { basePath });
const routes = { GET: viewer, HEAD: viewer, POST: viewer };
const page = await routes.GET(new Request(`http://localhost${basePath}`), { params: Promise.resolve({}) });
assert.match(await page.text(), /<div id="app">/);
console.log('all right');
process.exit(0);
