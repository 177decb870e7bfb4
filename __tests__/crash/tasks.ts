import type { Context } from '@hatchet-dev/typescript-sdk';
import { BackOffError, type Mageflow } from '../../src';
import { eventually } from '../helpers/fixture';
import { mostAtOnce } from './check';
import type { Diary } from './diary';

export type PieceInput = {
  /** Which item it is: a group and a number. */
  of: string;
  /** Works this long, in ms. */
  ms?: number;
  /** Throws each time; the first time only; until it has been mended. Backs off the first time. */
  throws?: 'always' | 'once' | 'unmended' | 'backs off';
  /** Works until its run is cancelled. */
  endless?: boolean;
  /** Works until this step of the program is done. */
  until?: string;
};

export const limits = { swarm: 7, root: 5, open: 3 } as const;

/** How many bodies of these items may run at once. */
export interface Bound {
  of: RegExp;
  most: number;
}

/** Items that wait until so many of them run at once, so that each limit is reached, however slow a machine is. */
export const bounds = {
  swarm: { of: /^swarm /, most: limits.swarm },
  root: { of: /^root /, most: limits.root },
  open: { of: /^(open|late|unwanted)/, most: limits.open },
  inner: { of: /^inner/, most: 2 },
  granted: { of: /^granted/, most: 2 },
  lost: { of: /^lost/, most: 2 },
  plain: { of: /^plain/, most: 2 },
} satisfies Record<string, Bound>;

export type CrashTasks = ReturnType<typeof crashTasks>;

/** The tasks that all processes of a batch serve. */
export function crashTasks(mage: Mageflow, diary: Diary) {
  const reached = new Map<Bound, Promise<void>>();
  /** Resolves when the limit has been reached once; what a kill interrupted counts as running until it is done. */
  const fill = async (bound: Bound) => {
    while (mostAtOnce((await diary.entries()).filter(({ of }) => bound.of.test(of))) < bound.most)
      await new Promise((resolve) => setTimeout(resolve, 250));
  };
  /** Waits until as many of these items run at once as may, or until the run is cancelled. */
  const company = async (of: string, signal: AbortSignal) => {
    const bound = Object.values<Bound>(bounds).find((one) => one.of.test(of));
    if (!bound) return;
    // One look for all that wait in this process.
    const full = reached.get(bound) ?? fill(bound);
    reached.set(bound, full);
    const done = new AbortController();
    await Promise.race([full, pause(100_000, AbortSignal.any([signal, done.signal]))]);
    done.abort();
  };
  const about = (of: string, ctx: Context<unknown>) => ({ of, runId: ctx.workflowRunId(), attempt: ctx.retryCount() });

  const piece = mage.task({
    name: 'piece',
    retries: 1,
    executionTimeout: '120s',
    fn: async ({ of, ms = 5, throws, endless, until }: PieceInput, ctx) => {
      await diary.note({ event: 'start', ...about(of, ctx) });
      await company(of, ctx.abortController.signal);
      await pause(endless ? 100_000 : ms, ctx.abortController.signal);
      if (until) await eventually(`${until} is done`, () => diary.did(until), 100_000);
      await diary.note({ event: 'end', ...about(of, ctx) });
      if (throws === 'always' || (throws === 'once' && (await diary.ends(of)) === 1)) throw new Error(`${of} throws`);
      if (throws === 'backs off' && (await diary.ends(of)) === 1) throw new BackOffError({ ms: 300 });
      if (throws === 'unmended' && !(await diary.did('mend'))) throw new Error(`${of} is not mended`);
      return { of };
    },
  });

  /** Known to the engine only: nobody reports its ends. */
  const plain = mage.hatchet.task({
    name: 'plain',
    executionTimeout: '120s',
    fn: async ({ of }: { of: string }, ctx) => {
      await diary.note({ event: 'start', ...about(of, ctx) });
      await company(of, ctx.abortController.signal);
      await diary.note({ event: 'end', ...about(of, ctx) });
      return { of };
    },
  });

  const report = mage.task({
    name: 'report',
    executionTimeout: '120s',
    fn: async (input: { of: string; [field: string]: unknown }, ctx) => {
      await diary.note({ event: 'callback', ...about(input.of, ctx), input });
      return { of: input.of };
    },
  });

  /** A callback that fails until its cause is mended. */
  const fussy = mage.task({
    name: 'fussy',
    executionTimeout: '120s',
    fn: async (input: { of: string; [field: string]: unknown }, ctx) => {
      await diary.note({ event: 'callback', ...about(input.of, ctx), input });
      if (!(await diary.did('mend callbacks'))) throw new Error(`${input.of} is not mended`);
      return { of: input.of };
    },
  });

  const spawn = mage.rootTask({
    name: 'spawn',
    maxConcurrency: limits.root,
    executionTimeout: '120s',
    fn: async ({ of, children, throws }: { of: string; children: number; throws?: PieceInput['throws'] }, ctx) => {
      await diary.note({ event: 'root', ...about(of, ctx) });
      for (let n = 0; n < children; n++) {
        const child = await mage.sign(piece, { of: `${of} ${n}`, ...(throws && n === 0 ? { throws } : {}) });
        await child.runNoWait();
      }
      return { of };
    },
  });

  /** The callbacks of something, which say what they are of. */
  const callbacks = async (of: string) => ({
    successCallbacks: [await mage.sign(report, { of: `${of} success` })],
    errorCallbacks: [await mage.sign(report, { of: `${of} error` })],
  });
  return { piece, plain, report, fussy, spawn, callbacks };
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      resolve();
    };
    const timer = setTimeout(end, ms);
    if (signal.aborted) end();
    else signal.addEventListener('abort', end, { once: true });
  });
}
