import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { returnValue, type Mageflow } from 'mageflow';
import { z } from 'zod';
import type { Gauge } from './gauge';
import { add, summarise, totalsByShop, type TotalsByShop } from './orders';

const failure = z.object({ name: z.string(), index: z.number().optional(), message: z.string() });
const failureReport = z.object({
  message: z.string(),
  failureCount: z.number(),
  failures: z.array(failure),
});

export interface Consolidated {
  files: number;
  totals: TotalsByShop;
}
export type FailureReport = z.output<typeof failureReport>;

/** Where the two callbacks hand on what they made; a real one would store it, or send it to somebody. */
export interface Outlets {
  consolidated: (result: Consolidated) => void;
  failed: (report: FailureReport) => void;
}

/** Declares the tasks of this example. */
export function declareTasks(mage: Mageflow, gauge: Gauge, outlets: Outlets) {
  /** Its message comes from two places: `file` is bound to each item, `folder` and `pauseMs` are the swarm's message. */
  const processFile = mage.task({
    name: 'process-csv-file',
    input: z.object({ file: z.string(), folder: z.string(), pauseMs: z.number() }),
    fn: ({ file, folder, pauseMs }) =>
      gauge.during(async () => {
        const totals = summarise(file, await readFile(path.join(folder, file), 'utf8'));
        // These files are small. The pause stands for what larger ones, or a database, would take, and shows the limit.
        await sleep(pauseMs);
        return { file, totals };
      }),
  });

  const consolidateResults = mage.task({
    name: 'consolidate-results',
    input: z.object({ files: returnValue(z.array(z.object({ file: z.string(), totals: totalsByShop }))) }),
    fn: ({ files }): Consolidated => {
      const totals: TotalsByShop = {};
      for (const file of files) for (const [shop, more] of Object.entries(file.totals)) add(totals, shop, more);
      const result = { files: files.length, totals };
      outlets.consolidated(result);
      return result;
    },
  });

  const handleFileErrors = mage.task({
    name: 'handle-file-errors',
    input: z.object({ error: failureReport }),
    fn: ({ error }): FailureReport => {
      outlets.failed(error);
      return error;
    },
  });

  return { processFile, consolidateResults, handleFileErrors };
}
