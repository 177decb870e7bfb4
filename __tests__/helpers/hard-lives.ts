import { BackOffError, type Mageflow } from '../../src';
import type { Recorder } from './recorder';

export interface HardInput {
  n: number;
  /** Fails until this gate is opened, in whichever process. */
  failsUntil?: string;
  /** Waits at this gate, whatever becomes of its run; at its first attempt only. */
  firstWaits?: string;
  /** The same at the later ones. */
  laterWaits?: string;
  /** Waits at this gate at every attempt. */
  waits?: string;
  /** Blocks the process this long, in ms: the body itself, or so many ms after it has returned. */
  blocks?: number;
  blocksAfter?: number;
}

function block(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

/** Tasks of test processes that fail, block and outlive their runs. What they do is noted by the recorder. */
export function hardLives(mage: Mageflow, recorder: Recorder) {
  const wait = async ({ firstWaits, laterWaits, waits, failsUntil, n }: HardInput, attempt: number) => {
    const own = attempt === 0 ? firstWaits : laterWaits;
    if (own) await recorder.opened(own);
    if (waits) await recorder.opened(waits);
    if (failsUntil && !(await recorder.isOpen(failsUntil))) throw new Error(`${n} failed`);
  };
  const live = async (input: HardInput, attempt: number) => {
    const { n, blocks, blocksAfter } = input;
    await recorder.note({ event: 'start', n, attempt, pid: process.pid });
    try {
      if (blocks && blocksAfter === undefined) block(blocks);
      await wait(input, attempt);
    } finally {
      await recorder.note({ event: 'end', n, attempt, pid: process.pid });
    }
    if (blocks && blocksAfter !== undefined) setTimeout(() => block(blocks), blocksAfter);
    return { n };
  };
  const careful = mage.task({
    name: 'careful',
    retries: 2,
    executionTimeout: '300s',
    fn: (input: HardInput, ctx) => live(input, ctx.retryCount()),
  });
  const hasty = mage.task({
    name: 'hasty',
    retries: 1,
    executionTimeout: '3s',
    fn: (input: HardInput, ctx) => live(input, ctx.retryCount()),
  });
  const hardRoot = mage.rootTask({
    name: 'hard-root',
    retries: 2,
    maxConcurrency: 2,
    executionTimeout: '300s',
    fn: async (input: HardInput & { count: number; childrenWait?: string }, ctx) => {
      const { n, count, childrenWait } = input;
      const spawn = async (child: number) =>
        (await mage.sign(careful, { n: child, ...(childrenWait ? { waits: childrenWait } : {}) })).runNoWait({});
      await recorder.note({ event: 'body', n, attempt: ctx.retryCount(), pid: process.pid });
      for (let i = 1; i <= count; i++) {
        // It does what its message says in the middle.
        if (i === Math.ceil(count / 2) + 1) await wait(input, ctx.retryCount());
        await spawn(n + i);
      }
      await recorder.note({ event: 'end', n, attempt: ctx.retryCount(), pid: process.pid });
      return { spawned: count };
    },
  });
  /** Does something to a group by the clock of its process, by which its name is told. */
  const order = mage.task({
    name: `order-${process.env['CLOCK_SHIFT_MS'] ?? 0}`,
    fn: async ({ id, what }: { id: string; what: 'suspend' | 'resume' }) => {
      await (await mage.load(id))[what]();
      return { now: Date.now() };
    },
  });
  /** Backs off for so many ms at its first execution, in whichever process. */
  const backsOff = mage.task({
    name: 'backs-off',
    fn: async ({ n, ms }: { n: number; ms: number }, ctx) => {
      const before = (await recorder.stamps('start')).filter((stamp) => stamp.n === n).length;
      await recorder.note({ event: 'start', n, attempt: ctx.retryCount(), pid: process.pid });
      if (before === 0) throw new BackOffError({ ms, reason: 'not yet' });
      await recorder.note({ event: 'end', n, attempt: ctx.retryCount(), pid: process.pid });
      return { n };
    },
  });
  return [careful, hasty, hardRoot, order, backsOff];
}
