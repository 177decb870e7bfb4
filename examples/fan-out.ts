/** Fan-out/fan-in: a root task publishes a task for each text, and its callback adds up what they have counted. */
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { childResults, returnValue, sign, type Mageflow, type RootSignature } from 'mageflow';
import { z } from 'zod';

// Pairs and no object: any word may come, and not every word can be a key.
const wordCounts = z.array(z.tuple([z.string(), z.number()]));
export type WordCounts = z.output<typeof wordCounts>;

const analysis = z.object({ source: z.string(), words: z.number(), counts: wordCounts });

export interface Aggregate {
  sources: { source: string; words: number }[];
  /** All words of all sources, the most frequent first. */
  counts: WordCounts;
}

function count(counts: Map<string, number>, word: string, times = 1): void {
  counts.set(word, (counts.get(word) ?? 0) + times);
}

/** @param send - takes what the callback has made; a real one would store it */
export function declareTasks(mage: Mageflow, send: (aggregate: Aggregate) => void) {
  const analyzeSource = mage.task({
    name: 'analyze_source',
    input: z.object({ folder: z.string(), source: z.string() }),
    fn: async ({ folder, source }) => {
      const text = await readFile(path.join(folder, source), 'utf8');
      const words = text.toLowerCase().match(/\p{L}+(?:’\p{L}+)*/gu) ?? [];
      const counts = new Map<string, number>();
      for (const word of words) count(counts, word);
      return { source, words: words.length, counts: [...counts] };
    },
  });

  const distributedAnalysis = mage.rootTask({
    name: 'distributed_analysis',
    input: z.object({ folder: z.string() }),
    maxConcurrency: 10,
    fn: async ({ folder }) => {
      const sources = (await readdir(folder)).filter((name) => name.endsWith('.txt')).sort();
      for (const source of sources) {
        const child = await sign(analyzeSource);
        await child.runNoWait({ folder, source });
      }
      return { sources: sources.length };
    },
  });

  const aggregateResults = mage.task({
    name: 'aggregate_results',
    input: z.object({
      root: returnValue(z.object({ sources: z.number() })),
      analyses: childResults(z.array(analysis)),
    }),
    fn: ({ root, analyses }) => {
      const counts = new Map<string, number>();
      for (const analysis of analyses) for (const [word, times] of analysis.counts) count(counts, word, times);
      send({
        sources: analyses.map(({ source, words }) => ({ source, words })),
        counts: [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1)),
      });
      return { missing: root.sources - analyses.length };
    },
  });

  return { analyzeSource, distributedAnalysis, aggregateResults };
}

export async function analyze(
  mage: Mageflow,
  { distributedAnalysis, aggregateResults }: ReturnType<typeof declareTasks>,
  folder: string,
): Promise<RootSignature<unknown, { sources: number }>> {
  const aggregate = await mage.sign(aggregateResults);
  const root = await mage.sign(distributedAnalysis, { folder }, { successCallbacks: [aggregate] });
  await root.runNoWait();
  return root;
}
