import { randomBytes } from 'node:crypto';
import { required } from '../helpers/fixture';
import { Random } from '../helpers/random';
import { readFaultPoints } from '../helpers/fault-points';
import { check, nobody, type Counted } from './check';
import { Life, type Batch } from './life';
import { scenarios } from './scenarios';
import { inTheEnd, type Scenario } from './scenarios/scenario';
import { Victim } from './victim-process';

/** One kill: the process of a batch dies at the `nth` passage of a point. */
export interface Cell {
  scenario: string;
  point: string;
  nth: number;
}

export interface Row extends Cell, Counted {
  wrong: string[];
  /** From the kill to the end of everything, in ms. */
  recoveredMs: number;
  /** Whether the process got to that passage; one that didn't is killed at its end. */
  reached: boolean;
}

/** How often each point is passed in a scenario in which nothing dies. */
export type Passages = Record<string, number>;

function newBatch(scenario: string): Batch {
  const name = randomBytes(5).toString('hex');
  const finishedMs = scenarios[scenario]?.finishedMs ?? 600_000;
  return {
    scenario,
    redisUrl: required('REDIS_URL'),
    namespace: `crash${name}`,
    keyPrefix: `crash-${name}`,
    // Many batches share a process that takes over: its own slowness must not count as an absence of Redis. More than this would
    // make each batch longer: twice this time passes before a group that was listed and never written is forgotten.
    options: { leaseMs: 3_000, reconcileIntervalMs: 500, commandTimeoutMs: 20_000, retention: { finishedMs } },
  };
}

/** Lets a scenario run to its end in a process that nobody kills. @throws with what doesn't hold */
export async function profile(scenario: string): Promise<Passages> {
  const batch = newBatch(scenario);
  const victim = new Victim({ batch });
  const life = new Life(batch);
  try {
    const { passages } = await victim.over();
    const { wrong } = await inspect(life, scenarioOf(scenario), nobody);
    if (wrong.length > 0) throw new Error(`Without any kill, ${scenario}: ${wrong.join('; ')}`);
    return passages;
  } finally {
    await victim.kill();
    await life.close();
  }
}

/**
 * Which kills to try: one for each point, in one of the scenarios that pass it.
 * @param seed - chooses the scenario, the passage, and which points when there are more than `most`
 */
export function chooseCells(passages: Record<string, Passages>, seed: number, most = Infinity): Cell[] {
  const random = new Random(seed);
  const points = [...new Set(Object.values(passages).flatMap((counts) => Object.keys(counts)))].sort();
  const cells = points.map((point) => ({ cell: chooseCell(passages, point, random), at: random.next() }));
  return cells
    .sort((a, b) => a.at - b.at)
    .slice(0, most)
    .map(({ cell }) => cell);
}

function chooseCell(passages: Record<string, Passages>, point: string, random: Random): Cell {
  const passing = Object.keys(passages).filter((name) => passages[name]?.[point]);
  const scenario = random.pick(passing);
  const count = passages[scenario]?.[point] ?? 1;
  // Not the very last ones, which another run may not get to.
  const nth = random.chance(0.3) ? 1 : random.int(1, Math.max(1, Math.ceil(count * 0.7)));
  return { scenario, point, nth };
}

/** Tries a point until a process has died there: not each run gets to each passage, some points are passed by chance. */
export async function crashAt(cell: Cell, passages: Record<string, Passages>): Promise<Row> {
  const passing = Object.keys(passages).filter((name) => passages[name]?.[cell.point]);
  let row = await crash(cell);
  for (let again = 0; again < 2 * passing.length && !row.reached && row.wrong.length === 0; again++)
    row = await crash({ ...cell, scenario: passing[again % passing.length] ?? cell.scenario, nth: 1 });
  return row;
}

/** Calls that no scenario makes, and why. */
const outOfReach = {
  'redis discard': 'undoes a call that has failed in its own process',
  'redis scan': 'looks at all keys, for tests and people who ask for it',
  'redis multi': 'looks at the keys of one group, for the same',
  'redis someResults': 'reads results that are large together, and changes nothing: store/large-reads writes some',
  'redis sampleEnds': 'is for `timeline`, which changes nothing',
  'engine findRun': 'reads history, for users who ask for the run of what another process has published',
  'engine events': 'reads history, of a run that no worker took in time: faults/untaken-runs waits for some',
  'engine history': 'reads the same of a workflow of several tasks, for `explain`, which changes nothing',
  'engine workers': 'is for `explain`, which changes nothing',
  'engine taskStats': 'is for `explain`, which changes nothing',
  'engine version': 'is for `doctor`, which changes nothing',
  'redis config': 'is for the same',
  'redis dbsize': 'is for `stats`, which changes nothing',
  'redis get': 'reads the storage format for `doctor`, and for readers, which change nothing',
  'redis memory': 'is for `stats`, which changes nothing',
  'redis ping': 'finds the servers of a cluster, for `doctor` and `stats`',
  'redis zcard': 'counts groups, for the same',
  'redis zrange': 'reads which groups are due, for the same',
  'redis zrevrange': 'reads the newest groups, for the same',
  'engine runsBetween': 'reads history, after Redis has lost writes: faults/redis-lost-writes kills Redis for it',
  'redis unsure': 'compares that history with Redis, see the same',
  'redis failPublication':
    'is for what can never be published, which no public call takes: store/unpublishable makes some',
  'redis regrantUntaken': 'is for a run that no worker took in time: faults/untaken-runs waits for some',
  'redis expiredPublications':
    'is for more than a hundred entries that a dead process had to publish: store/left-behind makes them',
  'redis extendLease': 'is for a call that takes longer than a third of a lease: store/retry-chosen extends one',
  'redis pexpire': 'renews records after a quarter of retention.abandonedMs: control/retention waits for it',
};

/** The points that no scenario passes, though one should. */
export function unpassed(passages: Record<string, Passages>): string[] {
  const passed = new Set(Object.values(passages).flatMap((counts) => Object.keys(counts)));
  return readFaultPoints()
    .names.filter((name) => !(name in outOfReach))
    .flatMap((name) => [`before ${name}`, `after ${name}`])
    .filter((point) => !passed.has(point));
}

/** Kills a process as the cell says, lets another one take over, and returns what doesn't hold at the end. */
async function crash(cell: Cell): Promise<Row> {
  const batch = newBatch(cell.scenario);
  const victim = new Victim({ batch, die: { point: cell.point, nth: cell.nth } });
  const life = new Life(batch);
  try {
    const reached = await victim.killed();
    await victim.kill();
    const began = Date.now();
    const scenario = scenarioOf(cell.scenario);
    try {
      await life.serve();
      await scenario.drive(life);
      const inspected = await inspect(life, scenario, victim.pid);
      return { ...cell, ...inspected, reached, recoveredMs: Date.now() - began };
    } catch (error) {
      const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
      const wrong = [text, ...life.log.slice(-10)];
      return { ...cell, wrong, reached, recoveredMs: Date.now() - began, bodies: 0, repeated: 0, callbacks: 0 };
    }
  } finally {
    await victim.kill();
    await life.close();
  }
}

async function inspect(life: Life, scenario: Scenario, killed: number): Promise<Counted & { wrong: string[] }> {
  const expected = await scenario.over(life);
  // Callbacks may still be on their way when their group says that it has ended.
  const quiet = async () => {
    const left = (await life.keys()).filter((key) => /\}:[alq]$/.test(key));
    if (left.length > 0) throw new Error(`Left: ${left.join()}`);
    return true;
  };
  await inTheEnd('nothing is under way any more', quiet);
  const { wrong, ...counted } = check(expected, await life.diary.entries(), killed);
  for (const key of await life.forgotten()) wrong.push(`${key} would be there for ever`);
  return { wrong, ...counted };
}

function scenarioOf(name: string): Scenario {
  const scenario = scenarios[name];
  if (!scenario) throw new Error(`No scenario is named ${name}: expected ${Object.keys(scenarios).join()}.`);
  return scenario;
}

/** Does something with each of many, some at once: they mostly wait for the engine. */
export async function atOnce<T, R>(width: number, all: readonly T[], work: (one: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  const lane = async () => {
    while (next < all.length) {
      const at = next++;
      results[at] = await work(all[at] as T);
    }
  };
  await Promise.all(Array.from({ length: width }, lane));
  return results;
}
