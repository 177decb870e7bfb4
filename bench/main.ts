/**
 * `npm run bench [-- PART...] [--rounds N] [--all] [--scale X]`: measures, each part on services that are started for it, and
 * writes what came into bench/results: a JSON file for each part, a page of tables, and a chart for the README.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { runInForeground } from '../scripts/child';
import { errorMessage } from '../scripts/stack/errors';
import { withStack } from '../scripts/stack/with-stack';
import { withRedis } from '../scripts/with-redis';
import type { Measured, Part, PartOptions } from './part';
import { parts } from './parts';
import { keepResult, targetLines, writeReport } from './report/results';

function readOptions(): { chosen: readonly Part[]; options: PartOptions; keep: boolean } {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      rounds: { type: 'string' },
      all: { type: 'boolean', default: false },
      scale: { type: 'string', default: '1' },
    },
  });
  const chosen = positionals.map((name) => {
    const part = parts.find((one) => one.name === name);
    if (!part) throw new Error(`Expected a part (${parts.map((one) => one.name).join(', ')}), got "${name}".`);
    return part;
  });
  const scale = Number(values.scale);
  if (!(scale > 0 && scale <= 1))
    throw new Error(`--scale: expected a number above 0 and up to 1, got ${values.scale}.`);
  const rounds = values.rounds === undefined ? undefined : Number(values.rounds);
  if (rounds !== undefined && !(Number.isInteger(rounds) && rounds > 0))
    throw new Error(`--rounds: expected a whole number above 0, got ${String(values.rounds)}.`);
  // What is smaller than it should be is a look at whether it works, and no result.
  return { chosen: chosen.length > 0 ? chosen : parts, options: { rounds, all: values.all, scale }, keep: scale === 1 };
}

/** Runs a part in a process of its own, so that its memory is its own. */
async function runPart(part: Part, options: PartOptions, services: NodeJS.ProcessEnv): Promise<Measured> {
  const folder = mkdtempSync(path.join(tmpdir(), 'mageflow-bench-'));
  const file = path.join(folder, 'measured.json');
  try {
    const args = ['--import', 'tsx', path.join(__dirname, 'run-part.ts'), part.name, file, JSON.stringify(options)];
    const code = await runInForeground(process.execPath, args, { env: { ...process.env, ...services } });
    if (code !== 0) throw new Error(`The part "${part.name}" ended with exit code ${code}.`);
    return JSON.parse(readFileSync(file, 'utf8')) as Measured;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function onServices(part: Part, use: (services: NodeJS.ProcessEnv) => Promise<Measured>): Promise<Measured> {
  if (part.needs === 'stack') return withStack(use);
  let measured: Measured | undefined;
  await withRedis(async (url) => {
    measured = await use({ REDIS_URL: url });
  });
  if (!measured) throw new Error(`The part "${part.name}" was interrupted.`);
  return measured;
}

async function main(): Promise<void> {
  const { chosen, options, keep } = readOptions();
  for (const part of chosen) {
    console.log(`\n== ${part.name}: ${part.about}`);
    const measured = await onServices(part, (services) => runPart(part, options, services));
    for (const line of targetLines(measured)) console.log(line);
    if (keep) keepResult(part, measured);
  }
  if (keep) await writeReport(parts);
}

main().catch((error: unknown) => {
  console.error(`bench: ${errorMessage(error)}`);
  process.exitCode = 1;
});
