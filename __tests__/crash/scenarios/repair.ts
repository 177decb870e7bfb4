import type { Signature, Swarm } from '../../../src';
import { again, type Life } from '../life';
import { endOf, inTheEnd, numbers, outputs, pieces, type Expected, type Scenario } from './scenario';

async function make({ mage, tasks: { piece, fussy, callbacks } }: Life) {
  const items: Signature<any, any>[] = [];
  for (const n of numbers(3)) items.push(await mage.sign(piece, { of: `noted ${n}` }));
  const { successCallbacks, errorCallbacks } = await callbacks('noted');
  const swarm: Swarm<unknown> = await mage.swarm({
    key: 'noted',
    tasks: items,
    successCallbacks: [...successCallbacks, await mage.sign(fussy, { of: 'noted fussy' })],
    errorCallbacks,
    isSwarmClosed: true,
  });
  return { swarm, items };
}

/** A callback that fails and is run again when its cause is mended, after the end of its group. */
export const repair: Scenario = {
  async drive(life: Life) {
    const { diary, mage } = life;
    const { swarm, items } = await make(life);
    await diary.once('run noted', () => again(swarm.runNoWait({}), 'AlreadyStartedError'));
    // The swarm holds the signatures of the process that made it, so this process may not find its own.
    await diary.once('load', () =>
      Promise.all(items.map(async ({ id }) => (await again(mage.load(id), 'NotFoundError'))?.status())),
    );
    await diary.once('mend callbacks', async () => {
      await inTheEnd('the callback has failed', async () => (await swarm.progress()).callbacks.failed === 1);
    });
    await diary.once('retry callbacks', () => swarm.retryCallbacks());
  },
  async over(life: Life): Promise<Expected> {
    const { swarm } = await make(life);
    await endOf(swarm);
    await inTheEnd('both callbacks have succeeded', async () => (await swarm.progress()).callbacks.succeeded === 2);
    const noted = pieces('noted', 3);
    const input = { returnValue: outputs(noted) };
    return {
      pieces: noted,
      callbacks: [
        { of: 'noted success', input },
        { of: 'noted fussy', runs: 2, input },
      ],
      limits: [],
    };
  },
};
