import type { Signature } from '../../../src';
import { again, type Life } from '../life';
import { bounds, limits, type PieceInput } from '../tasks';
import { endOf, numbers, outputs, pieces, type Expected, type Piece, type Scenario } from './scenario';

const throwing = (n: number): PieceInput['throws'] => (n % 20 === 3 ? 'always' : n % 10 === 5 ? 'once' : undefined);

const item = (n: number): PieceInput => {
  const throws = throwing(n);
  return { of: `swarm ${n}`, ms: 5 + (n % 4) * 10, ...(throws ? { throws } : {}) };
};

const items: Piece[] = numbers(60).map((n) => {
  const throws = throwing(n);
  return { of: `swarm ${n}`, runs: throws ? 2 : 1, status: throws === 'always' ? 'failed' : 'succeeded' };
});

const steps: PieceInput[] = [{ of: 'chain 0' }, { of: 'chain 1', throws: 'once' }, { of: 'chain 2' }];

async function make({ mage, tasks: { piece, spawn, callbacks } }: Life): Promise<Signature<any, any>[]> {
  const swarm = await mage.swarm({
    key: 'swarm',
    tasks: await Promise.all(
      items.map(async ({ of }, n) => mage.sign(piece, item(n), n === 3 || n === 4 ? await callbacks(of) : {})),
    ),
    ...(await callbacks('swarm')),
    config: { maxConcurrency: limits.swarm },
    isSwarmClosed: true,
  });
  const chain = await mage.chain(await Promise.all(steps.map((step) => mage.sign(piece, step))), {
    key: 'chain',
    ...(await callbacks('chain')),
  });
  // A step that backs off pauses its chain, and the limited swarm above it.
  const limited = await mage.swarm({
    key: 'limited',
    tasks: [
      await mage.chain([await mage.sign(piece, { of: 'limited 0', throws: 'backs off' })], { key: 'backs off' }),
      ...numbers(5).map((n) => [piece, { of: `limited ${n + 1}` }] as const),
    ],
    ...(await callbacks('limited')),
    config: { rateLimit: { limit: 5, perMs: 1_000, burst: 2 } },
    isSwarmClosed: true,
  });
  const root = await mage.sign(spawn, { of: 'root', children: 20 }, { key: 'root', ...(await callbacks('root')) });
  return [swarm, chain, limited, root];
}

/** A swarm, a chain, a limited swarm and a root, items that fail and items that are retried, callbacks of each. */
export const batch: Scenario = {
  async drive(life: Life) {
    for (const each of await make(life)) await again(each.runNoWait({}), 'AlreadyStartedError');
  },
  async over(life: Life): Promise<Expected> {
    for (const each of await make(life)) await endOf(each);
    const children = pieces('root', 20);
    return {
      pieces: [
        ...items,
        ...pieces('chain', 3).map((step, n) => (n === 1 ? { ...step, runs: 2 } : step)),
        ...pieces('limited', 6).map((item, n) => (n === 0 ? { ...item, runs: 2 } : item)),
        ...children,
      ],
      callbacks: [
        { of: 'swarm success', input: { returnValue: outputs(items) } },
        { of: 'swarm 3 error', input: { error: { message: 'swarm 3 throws' } } },
        { of: 'swarm 4 success', input: { returnValue: { of: 'swarm 4' } } },
        { of: 'chain success', input: { returnValue: { of: 'chain 2' } } },
        { of: 'limited success', input: { returnValue: outputs(pieces('limited', 6)) } },
        { of: 'root success', input: { returnValue: { of: 'root' } } },
      ],
      limits: [bounds.swarm, bounds.root],
    };
  },
};
