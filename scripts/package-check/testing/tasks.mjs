// As a user's module: it declares its tasks when it is imported, on a client that can't be made here.
import { HatchetClient } from '@hatchet-dev/typescript-sdk';
import { Mageflow } from 'mageflow';

export const mage = Mageflow.lazy(() => [HatchetClient.init(), process.env.REDIS_URL]);
export const importFile = mage.task({ name: 'import-file', retries: 1, fn: ({ path }) => ({ path, lines: 3 }) });
export const report = mage.task({ name: 'report', fn: (input) => input });

export async function startImport(paths) {
  const swarm = await mage.swarm({
    name: 'import',
    tasks: paths.map((path) => [importFile, { path }]),
    successCallbacks: [report],
    config: { maxConcurrency: 2 },
    isSwarmClosed: true,
  });
  await swarm.runNoWait({});
  return swarm;
}
