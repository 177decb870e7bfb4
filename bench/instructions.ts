// Counts the instructions that Redis executes for one item, from adding to its end. Unlike times, the count hardly depends on the
// other work of the machine, so it shows whether a change of the scripts made them cheaper. Needs valgrind (Debian: valgrind).
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import Redis from 'ioredis';
import { freePorts } from '../scripts/stack/ports';
import { findExecutable } from '../scripts/stack/processes';

/** Parts of a million items. The difference leaves out what does not depend on the number of items. */
const [few, many] = [0.003, 0.013];
const moreItems = (many - few) * 1_000_000;

/** Runs `bookkeeping` on a Redis of its own. @returns the instructions that this Redis executed */
async function instructionsOf(scale: number, folder: string): Promise<number> {
  const valgrind = findExecutable('valgrind');
  const server = findExecutable('redis-server');
  if (!valgrind || !server)
    throw new Error('Expected valgrind and redis-server on the path: apt-get install valgrind redis-server.');
  const [port = 0] = await freePorts(1);
  const out = `--callgrind-out-file=${path.join(folder, 'callgrind.out')}`;
  const options = ['--port', String(port), '--save', '', '--appendonly', 'no', '--dir', folder];
  const redis = spawn(valgrind, ['--tool=callgrind', out, server, ...options], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let output = '';
  redis.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const ended = new Promise((resolve) => redis.once('exit', resolve));
  try {
    const client = new Redis(port, { maxRetriesPerRequest: null });
    client.on('error', () => undefined);
    await client.ping();
    client.disconnect();
    await bookkeeping(port, scale, folder);
  } finally {
    redis.kill('SIGTERM');
    await ended;
  }
  const collected = /Collected : (\d+)/.exec(output)?.[1];
  if (collected === undefined) throw new Error(`Expected the line "Collected" of callgrind, got:\n${output}`);
  return Number(collected);
}

function bookkeeping(port: number, scale: number, folder: string): Promise<void> {
  const options = JSON.stringify({ rounds: 1, scale, all: false });
  const args = [
    '--import',
    'tsx',
    path.join(__dirname, 'run-part.ts'),
    'bookkeeping',
    path.join(folder, 'out.json'),
    options,
  ];
  const child = spawn(process.execPath, args, {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, REDIS_URL: `redis://127.0.0.1:${port}` },
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) =>
      code === 0 ? resolve() : reject(new Error(`bookkeeping ended with exit code ${String(code)}.`)),
    );
  });
}

async function main(): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), 'mageflow-instructions-'));
  try {
    const fewer = await instructionsOf(few, folder);
    const more = await instructionsOf(many, folder);
    const each = Math.round((more - fewer) / moreItems / 1000);
    console.log(`Redis executes ${each},000 instructions for an item.`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
