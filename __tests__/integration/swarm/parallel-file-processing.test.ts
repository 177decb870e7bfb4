import * as mageflow from 'mageflow';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { eventually, Fixture, Gauge } from '../../helpers/fixture';
import { TaskSet } from '../../helpers/task-set';

const files = {
  'file1.csv': 'item,amount\napples,3\npears,4\n',
  'file2.csv': 'item,amount\nplums,10\n',
  'file3.csv': 'item,amount\nfigs,1\ndates,2\nnuts,30\n',
};

describe('parallel file processing', () => {
  const fixture = new Fixture();
  const taskSet = new TaskSet(fixture);
  const gauge = new Gauge();
  let together = 0;
  let folder = '';
  const processCsvFile = fixture.mage.task({
    name: 'process-csv-file',
    input: z.object({ filePath: z.string(), column: z.string() }),
    fn: ({ filePath, column }) =>
      gauge.during(async () => {
        await eventually('all of them run together', () => gauge.max >= together);
        const [head = '', ...lines] = (await readFile(filePath, 'utf8')).trim().split('\n');
        const at = head.split(',').indexOf(column);
        return { rows: lines.length, sum: lines.reduce((sum, line) => sum + Number(line.split(',')[at]), 0) };
      }),
  });
  const consolidated: unknown[] = [];
  const consolidateResults = fixture.mage.task({
    name: 'consolidate-results',
    input: z.object({ returnValue: z.array(z.object({ rows: z.number(), sum: z.number() })) }),
    fn: ({ returnValue: parts }) => {
      const total = {
        rows: parts.reduce((sum, { rows }) => sum + rows, 0),
        sum: parts.reduce((sum, part) => sum + part.sum, 0),
      };
      consolidated.push(total);
      return total;
    },
  });

  const fileSwarm = async (names: readonly string[], stopAfterNFailures: number | null = null) => {
    const processTasks = await Promise.all(
      names.map((name) => mageflow.sign('process-csv-file', { filePath: join(folder, name) })),
    );
    return mageflow.swarm({
      tasks: processTasks,
      successCallbacks: [await mageflow.sign('consolidate-results')],
      errorCallbacks: [await mageflow.sign('error-callback')],
      config: { maxConcurrency: 3, stopAfterNFailures },
      isSwarmClosed: true,
    });
  };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mageflow-csv-'));
    await Promise.all(Object.entries(files).map(([name, text]) => writeFile(join(folder, name), text)));
    await fixture.worker([processCsvFile, consolidateResults, ...taskSet.tasks]);
  });
  afterAll(async () => {
    await fixture.close();
    await rm(folder, { recursive: true });
  });

  test('reads three CSV files at once and consolidates what they hold', async () => {
    together = 3;
    const swarm = await fileSwarm(Object.keys(files));
    expect(await swarm.run({ column: 'amount' })).toEqual([
      { rows: 2, sum: 7 },
      { rows: 1, sum: 10 },
      { rows: 3, sum: 33 },
    ]);
    await taskSet.settled(swarm);
    expect(consolidated).toEqual([{ rows: 6, sum: 50 }]);
    expect(taskSet.errorCallbacks(swarm)).toEqual([]);
    expect(gauge.max).toBe(3);
  });

  test('passes to the error callback which file could not be read', async () => {
    together = 0;
    consolidated.length = 0;
    const swarm = await fileSwarm(['file1.csv', 'missing.csv', 'file3.csv'], 1);
    await swarm.runNoWait({ column: 'amount' });
    await taskSet.settled(swarm);
    expect(consolidated).toEqual([]);
    expect(taskSet.errorCallbacks(swarm)).toHaveLength(1);
    expect(taskSet.errorCallbacks(swarm)[0]?.input).toMatchObject({
      column: 'amount',
      error: { failureCount: 1, failures: [{ index: 1, message: expect.stringContaining('missing.csv') as unknown }] },
    });
  });
});
