// Pins: what `mage.swarm` takes with a function that fills the swarm, what the function gets, and the options of `retryFailed`.
import { swarm as makeSwarm, type FillOptions, type Mageflow, type RetryFailedOptions, type Swarm } from 'mageflow';
import { exactly } from './helpers';

export async function filling(mage: Mageflow): Promise<void> {
  const size = mage.task({ name: 'size', fn: (input: { path: string }) => input.path.length });
  const sum = mage.task({ name: 'sum', fn: (input: { returnValue: number[] }) => input.returnValue.length });
  const text = mage.task({ name: 'text', fn: (input: { returnValue: string }) => input.returnValue });

  const filled = await mage.swarm({ tasks: [[size, { path: 'a' }]], message: { day: 'monday' } }, async (swarm) => {
    exactly<Swarm<number>>()(swarm);
    const item = await swarm.addTask(size, { path: 'b' });
    exactly<number>()(await item.run());
    // @ts-expect-error -- the message has no such field
    await swarm.addTask(size, { pth: 'b' });
  });
  exactly<Swarm<number>>()(filled);
  exactly<number[]>()(await filled.wait());

  // It need not be async, and what it gives is of no matter.
  await mage.swarm({}, () => undefined);
  await mage.swarm({}, (swarm) => swarm.addTasks([[size, { path: 'a' }]]));
  await mage.swarm({ message: undefined, isSwarmClosed: undefined }, () => 5);
  await mage.swarm({ isSwarmClosed: false, key: 'k', config: { maxItems: 5 } }, async () => {});
  await mage.swarm({ tasks: [size], successCallbacks: [sum] }, async () => {});
  await makeSwarm({ name: 'by the default instance' }, async (swarm) => void (await swarm.progress()));
  const options: FillOptions = { message: { a: 1 }, name: 'x' };
  await mage.swarm(options, () => undefined);

  // @ts-expect-error -- open until the function returns
  await mage.swarm({ isSwarmClosed: true }, () => undefined);
  // @ts-expect-error -- only with a function
  await mage.swarm({ message: {} });
  // @ts-expect-error -- an object
  await mage.swarm({ message: 'monday' }, () => undefined);
  // @ts-expect-error -- a function
  await mage.swarm({}, 'fill');
  // @ts-expect-error -- the callback takes a text, and is given a list of numbers
  await mage.swarm({ tasks: [size], successCallbacks: [text] }, () => undefined);
}

export async function retrying(swarm: Swarm<unknown>): Promise<void> {
  exactly<number>()(await swarm.retryFailed());
  await swarm.retryFailed({ indexes: [1, 2] as const, name: 'row', error: /x/, message: { a: 1 } });
  await swarm.retryFailed({ error: 'x', name: undefined, indexes: undefined, message: undefined });
  const options: RetryFailedOptions = { error: 'x' };
  await swarm.retryFailed(options);
  // @ts-expect-error -- no option
  await swarm.retryFailed({ index: 1 });
  // @ts-expect-error -- numbers
  await swarm.retryFailed({ indexes: ['1'] });
  // @ts-expect-error -- a text or an expression
  await swarm.retryFailed({ error: 5 });
}
