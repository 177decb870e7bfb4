#!/usr/bin/env node
// Stands in for the SDK's embedded engine: takes its arguments, answers as ready, ends when its standard input does.
const { writeFileSync } = require('node:fs');
const { createServer } = require('node:http');

const args = process.argv.slice(2);
const option = (name) => args[args.indexOf(name) + 1];
createServer((request, response) => response.end()).listen(Number(option('-api-port')), '127.0.0.1', () => {
  const handshake = {
    token: `token for ${option('-database-url')}`,
    tenant_id: 'tenant',
    grpc_address: `127.0.0.1:${option('-grpc-port')}`,
    api_url: `http://127.0.0.1:${option('-api-port')}`,
  };
  writeFileSync(option('-handshake-file'), JSON.stringify(handshake));
});
process.stdin.resume().on('end', () => process.exit());
