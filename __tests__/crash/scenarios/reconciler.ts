import { randomUUID } from 'node:crypto';
import type { Swarm, TaskEntry } from '../../../src';
import { again, type Life } from '../life';
import { bounds } from '../tasks';
import { inTheEnd, numbers, pieces, type Expected, type Scenario } from './scenario';

async function make({ mage, tasks: { callbacks } }: Life, key: string, tasks: TaskEntry[]): Promise<Swarm<unknown>> {
  return mage.swarm({ key, tasks, ...(await callbacks(key)), config: { maxConcurrency: 2 }, isSwarmClosed: true });
}

const items = (of: string, count: number): TaskEntry[] =>
  numbers(count).map((n) => ['piece', { of: `${of} ${n}` }] as const);

/** Work of dead processes and unreported ends. Retention is short, so that the reconciler removes it too. */
export const reconciler: Scenario = {
  // Longer than the engine needs to start the runs of a dead process again: of a group that is forgotten by then they are plain ones.
  finishedMs: 45_000,
  async drive(life: Life) {
    const { diary, mage, tasks } = life;
    const dead = life.deadProcess();
    // What has ended may be forgotten by now, and must not be made again.
    const began = new Set((await diary.entries()).map(({ of }) => of.split(' ')[0]));
    const once = (of: string, work: () => Promise<unknown>) =>
      began.has(of) ? Promise.resolve() : diary.once(of, work);
    await once('granted', async () => dead.run((await make(life, 'granted', items('granted', 4))).id, '{}'));
    await once('lost', async () => {
      const { id } = await make(life, 'lost', items('lost', 3));
      await dead.run(id, '{}');
      await dead.confirm(id, ['0', randomUUID()]);
    });
    await once('unknown', async () => {
      const swarm = await make(life, 'unknown', ['nobody-serves-this', ['piece', { of: 'unknown 1' }]]);
      await again(swarm.runNoWait({}), 'AlreadyStartedError');
    });
    await once('plain', async () => {
      const tasks = numbers(3).map((n) => ['plain', { of: `plain ${n}` }] as const);
      await again((await make(life, 'plain', tasks)).runNoWait({}), 'AlreadyStartedError');
    });
    // Its results are of more than one piece, whose time to live is no script's to set.
    await once('large', async () => {
      const swarm = await mage.swarm({ key: 'large', tasks: items('large', 130), isSwarmClosed: true });
      await again(swarm.cancel(), 'NotFoundError');
    });
    await diary.once('listed', () => dead.topLevelIndex.add('of a group that was never written'));
    await once('root', async () => {
      const callbacks = await tasks.callbacks('root');
      const root = await mage.sign(tasks.spawn, { of: 'root', children: 6 }, { key: 'root', ...callbacks });
      await again(root.runNoWait(), 'AlreadyStartedError');
    });
  },
  async over(life: Life): Promise<Expected> {
    const callbacks = ['granted success', 'lost success', 'unknown success', 'plain success', 'root success'];
    const all = async () => {
      const ran = new Set((await life.diary.entries()).map(({ event, of }) => event === 'callback' && of));
      return callbacks.every((of) => ran.has(of));
    };
    await inTheEnd('all callbacks have run', all);
    const forgotten = async () => {
      const left = (await life.keys()).filter((key) => key.includes('{'));
      if (left.length + (await life.listed()) > 0) throw new Error(`Left: ${left.join()}`);
      return true;
    };
    await inTheEnd('all is forgotten', forgotten);
    return {
      pieces: [
        ...[pieces('granted', 4), pieces('lost', 3), pieces('root', 6)].flat(),
        ...pieces('plain', 3).map((piece) => ({ ...piece, unguarded: true })),
        { of: 'unknown 1', runs: 1, status: 'succeeded' },
      ],
      callbacks: callbacks.map((of) => ({ of })),
      limits: [bounds.granted, bounds.lost, bounds.plain, bounds.root],
    };
  },
};
