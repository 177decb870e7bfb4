/**
 * `npm run faults [-- --quick] [--seed N] [--point NAME]`: kills processes at every fault point and breaks every service, prints the
 * table of it, and writes that into docs/guarantees.md when all of it was tried and held. `--quick` tries a sample of the points.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import type { Row } from '../__tests__/crash/matrix';
import { seedVariable, suitesWithSeeds } from '../__tests__/helpers/seeds';
import { faultTable, replaceTable } from './faults/table';
import { report, runJest, sumOf, type Count } from './jest';
import { writeMarkdown } from './markdown';
import { errorMessage } from './stack/errors';
import { CHECKOUT } from './stack/paths';
import { onStopSignal } from './stack/stop-signals';
import { withStack } from './stack/with-stack';

const GUARANTEES = path.join(CHECKOUT, 'docs/guarantees.md');
const CRASH = '__tests__/crash/';
/** Services that fail, lives that are awkward, values that somebody forged, and the kit's services beside the real ones. */
const OTHERS = ['__tests__/faults/', '__tests__/security/', '__tests__/integration/testing/'];
/** Random orders of everything, and what happens at once. Apart, as they leave no time to what has to be in time. */
const RANDOM = ['__tests__/model/', '__tests__/integration/control/races-'];
/** What must work on a Redis Cluster as on one Redis. */
const ON_CLUSTER = ['__tests__/integration/swarm/', '__tests__/integration/root/'];
const WITHIN_CLUSTER = ['--require', 'tsx/cjs', 'scripts/on-cluster.ts', '--', process.execPath];

let interrupted = false;

function refuseInterrupted(): void {
  if (interrupted) throw new Error('interrupted before everything was tried.');
}

interface Options {
  quick: boolean;
  seed: string | undefined;
  point: string | undefined;
}

function readOptions(): Options {
  const { values } = parseArgs({
    options: { quick: { type: 'boolean', default: false }, seed: { type: 'string' }, point: { type: 'string' } },
  });
  return { quick: values.quick, seed: values.seed, point: values.point };
}

/** Unlike `npm test`, each run makes choices of its own: what a seed finds is to become a test with that seed. */
async function tryAll({ quick, seed, point }: Options, rowsFile: string): Promise<Count[]> {
  const drawn = seed ?? String(Math.floor(Math.random() * 2 ** 31));
  console.log(`faults: the seed is ${drawn} (--seed ${drawn} repeats it)`);
  const own = {
    CRASH_ROWS: rowsFile,
    ...Object.fromEntries(suitesWithSeeds.map((suite) => [seedVariable(suite), drawn])),
    ...(point === undefined ? {} : { CRASH_POINT: point }),
  };
  const run = async (suites: string[], more: NodeJS.ProcessEnv = {}, within: string[] = []): Promise<Count> => {
    refuseInterrupted();
    return withStack((env) => {
      refuseInterrupted();
      return runJest(suites, { ...process.env, ...env, ...own, ...more }, within);
    });
  };
  if (quick || point !== undefined) return [await run([CRASH])];
  return [
    // Side by side: the matrix mostly waits for the engine to notice the dead.
    await run([CRASH, ...OTHERS], { THOROUGH: '1' }),
    await run(RANDOM, { THOROUGH: '1' }),
    await run(ON_CLUSTER, {}, WITHIN_CLUSTER),
  ];
}

async function main(): Promise<void> {
  const options = readOptions();
  onStopSignal(() => void (interrupted = true));
  const folder = mkdtempSync(path.join(tmpdir(), 'mageflow-faults-'));
  const rowsFile = path.join(folder, 'rows.json');
  const began = Date.now();
  try {
    const counts = await tryAll(options, rowsFile);
    refuseInterrupted();
    const { seed, rows } = JSON.parse(readFileSync(rowsFile, 'utf8')) as { seed: number; rows: Row[] };
    const about = {
      seed,
      minutes: Math.round((Date.now() - began) / 60_000),
      cores: cpus().length,
      tests: sumOf(counts, 'passed'),
    };
    const table = faultTable(rows, counts, about);
    console.log(table);
    const whole = !options.quick && options.point === undefined && sumOf(counts, 'failed') === 0;
    if (whole) await writeMarkdown(GUARANTEES, replaceTable(readFileSync(GUARANTEES, 'utf8'), table));
    report(counts);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

main().catch((error: unknown) => {
  console.error(`faults: ${errorMessage(error)}`);
  process.exitCode = 1;
});
