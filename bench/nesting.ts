// Measures groups inside groups, alternately a swarm, a chain and a root task, around one leaf: how long after the leaf's
// end the outermost one's callback begins, and how many engine runs it took. A chain has a step before what is in it.
// Run it on a quiet machine: npm run bench:nesting -- --levels 10 --rounds 5
import { parseArgs } from 'node:util';
import { type Signature, type TaskLike } from '../src';
import { closeBench, openBench } from './helpers/bench-mage';
import { engineRuns, median } from './helpers/measure';
import { runAlone } from './helpers/run-alone';

const { values } = parseArgs({
  options: { levels: { type: 'string', default: '10' }, rounds: { type: 'string', default: '5' } },
});
const levels = Number(values.levels);
const rounds = Number(values.rounds);
const kinds = ['swarm', 'chain', 'root'] as const;
const kindOf = (level: number) => kinds[level % kinds.length];
/** The leaf and the callback; steps and root bodies; a swarm has no run of its own. */
const expectedRuns =
  2 + Array.from({ length: levels }, (_, level) => kindOf(level)).filter((k) => k !== 'swarm').length;

const bench = openBench();
const { hatchet, mage } = bench;
const { namespace = 'bench' } = hatchet.config;

let leafEnded = 0;
let reported = (_at: number): void => undefined;

const leaf = mage.task({
  name: 'leaf',
  fn: () => {
    leafEnded = performance.now();
    return { leaf: true };
  },
});
const step = mage.task({ name: 'step', fn: () => ({}) });
const report = mage.task({ name: 'report', fn: () => reported(performance.now()) });
const root = mage.rootTask({
  name: 'root',
  fn: async ({ level, round }: { level: number; round: string }) => {
    await (await nested(level + 1, round)).runNoWait();
  },
});

/** What is at a level, with all that is below it; the outermost one gets the callback. */
async function nested(level: number, round: string, successCallbacks: TaskLike[] = []): Promise<Signature<any, any>> {
  const options = { additionalMetadata: { round }, successCallbacks };
  if (level === levels) return mage.sign(leaf, {}, options);
  if (kindOf(level) === 'root') return mage.sign(root, { level, round }, options);
  const inside = await nested(level + 1, round);
  if (kindOf(level) === 'swarm') return mage.swarm({ tasks: [inside], isSwarmClosed: true, ...options });
  return mage.chain([await mage.sign(step, {}, { additionalMetadata: { round } }), inside], options);
}

async function measure(round: string): Promise<number> {
  const callback = new Promise<number>((resolve) => (reported = resolve));
  const top = await nested(0, round, [await mage.sign(report, {}, { additionalMetadata: { round } })]);
  await top.runNoWait();
  return (await callback) - leafEnded;
}

async function main(): Promise<void> {
  const workflows = [leaf, step, report, root];
  const worker = await mage.worker('bench', { workflows, slots: 100, handleKill: false });
  const running = worker.start();
  await worker.waitUntilReady();
  await measure(`${namespace}-warm-up`);
  const delays: number[] = [];
  const wrong: string[] = [];
  for (let n = 1; n <= rounds; n++) {
    const round = `${namespace}-${n}`;
    delays.push(await measure(round));
    const runs = await engineRuns(hatchet, { round });
    if (runs !== expectedRuns) wrong.push(`round ${n}: expected ${expectedRuns} engine runs, got ${runs}`);
    console.log(`round ${n}: callback ${Math.round(delays.at(-1) ?? 0)} ms after the leaf's end, ${runs} engine runs`);
  }
  console.log(
    `${levels} levels, median of ${rounds}: the callback begins ${Math.round(median(delays))} ms after the leaf's end; ` +
      `${expectedRuns} engine runs expected (leaf, steps, root bodies, callback)`,
  );
  await worker.stop();
  await running;
  await closeBench(bench);
  if (wrong.length > 0) throw new Error(wrong.join('\n'));
}

runAlone(main);
