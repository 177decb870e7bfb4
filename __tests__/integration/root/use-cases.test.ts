import * as mageflow from 'mageflow';
import { z } from 'zod';
import { childResults } from 'mageflow';
import { Gauge } from '../../helpers/fixture';
import { rejection } from '../../helpers/outcomes';
import { openRoots } from '../../helpers/roots';

const { fixture, mage, taskSet, callback, others } = openRoots();

describe('dynamic batch processing', () => {
  const gauge = new Gauge();
  const table = Array.from({ length: 60 }, (_, id) => ({ id, broken: false }));
  const broken = Array.from({ length: 60 }, (_, id) => ({ id, broken: id < 5 }));
  const fetchItems = async (query: string) => {
    await Promise.resolve();
    return query.includes('broken') ? broken : query.includes('none') ? [] : table;
  };
  const processItem = mage.task({
    name: 'process-item',
    input: z.object({ id: z.number(), broken: z.boolean() }),
    fn: ({ id, broken }) =>
      gauge.during(async () => {
        await new Promise((resolve) => setTimeout(resolve, 5));
        if (broken) throw new Error(`item ${id} is broken`);
        return { id };
      }),
  });
  const processQueryResults = mage.rootTask({
    name: 'process-query-results',
    input: z.object({ query: z.string() }),
    maxConcurrency: 20,
    stopAfterNFailures: 5,
    executionTimeout: '300s',
    fn: async ({ query }) => {
      const items = await fetchItems(query);
      for (const item of items) {
        const signature = await mageflow.sign(processItem);
        await signature.runNoWait(item);
      }
      return { totalItems: items.length };
    },
  });
  others.push(processItem, processQueryResults);

  test('processes as many items as the query gives and then notifies', async () => {
    const notify = await mageflow.sign(callback, { label: 'notify' });
    const root = await mageflow.sign(processQueryResults, {}, { successCallbacks: [notify] });
    gauge.fill(20);
    await root.run({ query: 'SELECT * FROM items' });
    const { input } = await taskSet.onlyExecution('notify', root);
    expect(input).toEqual({
      label: 'notify',
      returnValue: { totalItems: 60 },
      childResults: table.map(({ id }) => ({ id })),
    });
    expect(gauge.max).toBe(20);
  });

  test('notifies when the query gives nothing', async () => {
    const notify = await mageflow.sign(callback, { label: 'nothing' });
    const root = await mageflow.sign(processQueryResults, {}, { successCallbacks: [notify] });
    await root.run({ query: 'SELECT none' });
    expect((await taskSet.onlyExecution('nothing', root)).input).toMatchObject({
      returnValue: { totalItems: 0 },
      childResults: [],
    });
  });

  test('does not notify when five items fail', async () => {
    const notify = await mageflow.sign(callback, { label: 'not notified' });
    const alert = await mageflow.sign(callback, { label: 'alerted' });
    const options = { successCallbacks: [notify], errorCallbacks: [alert] };
    const root = await mageflow.sign(processQueryResults, {}, options);
    expect(await rejection(root.run({ query: 'SELECT broken' }))).toBeInstanceOf(mageflow.TaskFailedError);
    const { input } = await taskSet.onlyExecution('alerted', root);
    expect(input).toMatchObject({ query: 'SELECT broken', error: { failureCount: 5 } });
    expect(taskSet.executions('not notified')).toEqual([]);
  });
});

describe('agent task spawning', () => {
  const [search, summarize] = ['search', 'summarize'].map((name) =>
    mage.task({ name, fn: ({ step }: { step: string }) => ({ by: name, step }) }),
  );
  const agentExecutor = mage.rootTask({
    name: 'agent-executor',
    input: z.object({ goal: z.string() }),
    maxConcurrency: 5,
    fn: async ({ goal }) => {
      const plan = await Promise.resolve(goal.split(', '));
      for (const step of plan) {
        const task = step.startsWith('find') ? search! : summarize!;
        await (await mageflow.sign(task)).runNoWait({ step });
      }
      return { stepsSpawned: plan.length };
    },
  });
  others.push(search!, summarize!, agentExecutor);

  test('runs the steps of the plan, each with its own task', async () => {
    const done = await mageflow.sign(callback, { label: 'agent' });
    const root = await mageflow.sign(agentExecutor, {}, { successCallbacks: [done] });
    expect(await root.run({ goal: 'find sources, find dates, write it up' })).toEqual({ stepsSpawned: 3 });
    expect((await taskSet.onlyExecution('agent', root)).input['childResults']).toEqual([
      { by: 'search', step: 'find sources' },
      { by: 'search', step: 'find dates' },
      { by: 'summarize', step: 'write it up' },
    ]);
  });
});

describe('fan-out, fan-in', () => {
  const analyzeSource = mage.task({
    name: 'analyze-source',
    input: z.object({ source: z.string() }),
    fn: ({ source }) => ({ source, words: source.split(' ').length }),
  });
  const distributedAnalysis = mage.rootTask({
    name: 'distributed-analysis',
    input: z.object({ dataSources: z.array(z.string()) }),
    maxConcurrency: 10,
    fn: async ({ dataSources }) => {
      for (const source of dataSources) await (await mageflow.sign(analyzeSource)).runNoWait({ source });
      return { sources: dataSources.length };
    },
  });
  const aggregated: unknown[] = [];
  const aggregateResults = mage.task({
    name: 'aggregate-results',
    input: z.object({ parts: childResults(z.array(z.object({ source: z.string(), words: z.number() }))) }),
    fn: ({ parts }) => {
      const total = parts.reduce((sum, { words }) => sum + words, 0);
      aggregated.push({ total, of: parts.map(({ source }) => source) });
      return { total };
    },
  });
  others.push(analyzeSource, distributedAnalysis, aggregateResults);

  test('aggregates the outputs of the children in a callback', async () => {
    const aggregate = await mageflow.sign(aggregateResults);
    const root = await mageflow.sign(distributedAnalysis, {}, { successCallbacks: [aggregate] });
    const dataSources = ['one', 'two words', 'now three words', 'these are four words'];
    expect(await root.run({ dataSources })).toEqual({ sources: 4 });
    await taskSet.settled(root);
    expect(aggregated).toEqual([{ total: 10, of: dataSources }]);
    expect(await aggregate.status()).toBe('succeeded');
    expect(fixture.log.lines.filter((line) => line.startsWith('error'))).toEqual([]);
  });
});
