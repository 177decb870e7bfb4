/**
 * `npm run bench:cli`: how long `node dist/cli.js list` takes on an empty store, from the start of the process to its end.
 * Below 300 ms is promised, 200 is the aim. The command starts a Redis, and builds the executable before.
 */
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import { median } from './helpers/measure';

const rounds = 20;
const limitMs = 300;
const root = path.resolve(__dirname, '..');
const cli = path.join(root, 'dist/cli.js');

function timeOf(args: readonly string[]): number {
  const begun = performance.now();
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', env: process.env });
  if (status !== 0) throw new Error(`${args.join(' ')} ended with ${String(status)}: ${stderr}`);
  return performance.now() - begun;
}

function medianOf(args: readonly string[]): number {
  timeOf(args);
  return median(Array.from({ length: rounds }, () => timeOf(args)));
}

if (!existsSync(cli)) throw new Error('There is no dist/cli.js. Run npm run build first.');
if (!process.env['REDIS_URL']) throw new Error('Set REDIS_URL to a Redis, such as redis://127.0.0.1:6379.');
const list = [cli, 'list', '--tenant', `empty-${randomBytes(6).toString('hex')}`];
const node = medianOf(['-e', '0']);
const help = medianOf([cli, '--help']);
const empty = medianOf(list);
console.log(`node alone          ${Math.round(node)} ms`);
console.log(`mageflow --help     ${Math.round(help)} ms`);
console.log(`mageflow list       ${Math.round(empty)} ms (median of ${rounds}; at most ${limitMs})`);
process.exitCode = empty < limitMs ? 0 : 1;
