import { faultPoints } from '../../src/utils/fault-points';
import { Life, type Batch } from './life';
import { scenarios } from './scenarios';

// Run by itself: a process that makes a batch, works on it, and kills itself at a fault point. Configured by
// MAGEFLOW_CRASH; prints JSON lines.

export interface VictimConfig {
  batch: Batch;
  /** Where it dies: at the `nth` passage of this point. Without one it goes on to the end, and counts its passages. */
  die?: { point: string; nth: number };
}

const say = (line: object) => process.stdout.write(`${JSON.stringify(line)}\n`);

async function main({ batch, die }: VictimConfig): Promise<void> {
  const passages = new Map<string, number>();
  faultPoints.hook = (point) => {
    const passed = (passages.get(point) ?? 0) + 1;
    passages.set(point, passed);
    if (die?.point === point && die.nth === passed) process.kill(process.pid, 'SIGKILL');
  };
  const scenario = scenarios[batch.scenario];
  if (!scenario) throw new Error(`No scenario is named ${batch.scenario}: expected ${Object.keys(scenarios).join()}.`);
  const life = new Life(batch);
  await life.serve();
  await scenario.drive(life);
  await scenario.over(life);
  say({ event: 'over', passages: Object.fromEntries(passages) });
}

const text = process.env['MAGEFLOW_CRASH'];
if (text) {
  main(JSON.parse(text) as VictimConfig).catch((error: unknown) => {
    say({ event: 'error', message: error instanceof Error ? error.stack : String(error) });
    process.exit(1);
  });
}
