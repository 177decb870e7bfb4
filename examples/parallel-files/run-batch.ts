import { readdirSync } from 'node:fs';
import path from 'node:path';
import type { ItemResult, Mageflow, Progress } from 'mageflow';
import { withWorker } from '../../scripts/with-worker';
import { Gauge } from './gauge';
import type { TotalsByShop } from './orders';
import { declareTasks, type Consolidated, type FailureReport } from './tasks';

export const dataFolder = path.join(__dirname, '../data');
export const maxConcurrency = 5;
export const stopAfterNFailures = 3;
/** So many files must be done before the rest is added: the swarm is in full swing then. */
const addAfter = 4;

export interface BatchOptions {
  /** Puts files among the rest that can't be read, as many as the failure limit. */
  fail?: boolean;
  /** Added to each file's work, in milliseconds. */
  pauseMs?: number;
  onProgress?: (progress: Progress, event?: string) => void;
  /** Told the swarm's id once it is known. */
  onStart?: (swarmId: string) => void;
  /** Ends the waiting; what runs is left to finish. */
  signal?: AbortSignal;
}

export interface FileResult {
  file: string;
  totals: TotalsByShop;
}

export interface Outcome {
  swarmId: string;
  progress: Progress;
  /** One entry a file, in the order in which they ended. */
  items: ItemResult<FileResult>[];
  /** How many bodies ran at once, at most. */
  highestConcurrency: number;
  /** What the success callback made, if that was the one that ran. */
  consolidated?: Consolidated;
  /** What the error callback received, if that was the one that ran. */
  failure?: FailureReport;
}

function csvFiles(folder: string): string[] {
  return readdirSync(path.join(dataFolder, folder))
    .filter((name) => name.endsWith('.csv'))
    .sort()
    .map((name) => path.posix.join(folder, name));
}

/** Half of the files to start with, and those to add later; there every second one is broken, as long as there are any. */
function chooseFiles(fail: boolean): { first: string[]; later: string[] } {
  const good = csvFiles('');
  const first = good.splice(0, Math.ceil(good.length / 2));
  const broken = fail ? csvFiles('broken').slice(0, stopAfterNFailures) : [];
  const mixed = broken.flatMap((file, i) => [file, ...good.slice(i, i + 1)]);
  return { first, later: [...mixed, ...good.slice(broken.length)] };
}

/** Starts a worker in this process, runs the batch of files as a swarm, and stops the worker. */
export async function runBatch(mage: Mageflow, options: BatchOptions = {}): Promise<Outcome> {
  const gauge = new Gauge();
  let report: (result: Pick<Outcome, 'consolidated' | 'failure'>) => void = () => undefined;
  const reported = new Promise<Pick<Outcome, 'consolidated' | 'failure'>>((resolve) => (report = resolve));
  const tasks = declareTasks(mage, gauge, {
    consolidated: (consolidated) => report({ consolidated }),
    failed: (failure) => report({ failure }),
  });

  const signal = options.signal ?? new AbortController().signal;
  return withWorker(mage, 'parallel-files', Object.values(tasks), signal, async () => {
    const followed = await followSwarm(mage, tasks, options);
    return { ...followed, ...(await reported), highestConcurrency: gauge.highest };
  });
}

async function followSwarm(
  mage: Mageflow,
  { processFile, consolidateResults, handleFileErrors }: ReturnType<typeof declareTasks>,
  { fail = false, pauseMs = 80, onProgress, onStart }: BatchOptions,
): Promise<Pick<Outcome, 'swarmId' | 'progress' | 'items'>> {
  const { first, later } = chooseFiles(fail);
  const entry = (file: string) => [processFile, { file }, { name: file }] as const;
  const swarm = await mage.swarm({
    name: 'parallel files',
    tasks: first.map(entry),
    successCallbacks: [consolidateResults],
    errorCallbacks: [handleFileErrors],
    config: { maxConcurrency, stopAfterNFailures },
  });
  await swarm.runNoWait({ folder: dataFolder, pauseMs });
  onStart?.(swarm.id);
  onProgress?.(await swarm.progress(), `started with ${first.length} files`);

  const items: ItemResult<FileResult>[] = [];
  for await (const item of swarm.results()) {
    items.push(item);
    if (items.length === addAfter) {
      const added = await swarm.addTasks(later.map(entry), { run: true });
      await swarm.closeSwarm();
      onProgress?.(await swarm.progress(), `added ${added} files while it runs, and closed it`);
    } else {
      onProgress?.(await swarm.progress());
    }
  }
  return { swarmId: swarm.id, progress: await swarm.progress(), items };
}
