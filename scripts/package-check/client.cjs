// What the programs beside this file share. Nothing here connects: port 1 refuses, should something try.
const assert = require('node:assert/strict');

const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
const claims = {
  sub: '00000000-0000-4000-8000-000000000000',
  grpc_broadcast_address: '127.0.0.1:1',
  server_url: 'http://127.0.0.1:1',
};

exports.useFakeEngine = () => {
  process.env.HATCHET_CLIENT_TOKEN = `${part({ alg: 'none' })}.${part(claims)}.`;
  process.env.HATCHET_CLIENT_TLS_STRATEGY = 'none';
};

exports.functions = ['Mageflow', 'returnValue', 'mageContext', 'sign', 'swarm', 'load'];
exports.errors = [
  'MageflowError',
  'ConfigurationError',
  'InvalidMessageError',
  'NotFoundError',
  'AlreadyStartedError',
  'SwarmClosedError',
  'SwarmFinishedError',
  'CancelledError',
  'TaskFailedError',
  'StoreError',
];

exports.checkExports = (library) => {
  for (const name of [...exports.functions, ...exports.errors]) {
    assert.equal(typeof library[name], 'function', `expected mageflow to export ${name}`);
  }
  for (const name of ['Mageflow', ...exports.errors]) {
    // People read these names in logs: a bundler that renames classes must not reach them.
    assert.equal(library[name].name, name, `expected the class ${name} to keep its name in the bundle`);
  }
  for (const name of exports.errors) {
    assert.ok(library[name].prototype instanceof Error, `expected ${name} to be an Error`);
  }
};

// The page and its script are in the package, and a viewer takes an instance of any copy of the library.
exports.checkViewer = async (createViewer, mage) => {
  const viewer = createViewer(mage);
  const text = async (path) => (await viewer(new Request(`http://localhost${path}`))).text();
  const [, script] = /src="([^"]+)"/.exec(await text('/')) ?? [];
  assert.ok(script, 'expected a script in the page of the viewer');
  assert.ok((await text(script)).length > 10_000, `expected the page's code at ${script}`);
  viewer.close();
};

// A program that does not end by itself holds a timer or a socket that close() forgot.
exports.expectExit = () => {
  setTimeout(() => {
    console.error(`the process is still alive after close(), held by: ${process.getActiveResourcesInfo().join(', ')}`);
    process.exit(1);
  }, 10_000).unref();
};
