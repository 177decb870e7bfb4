import type { HatchetClient } from '@hatchet-dev/typescript-sdk';
import { poll } from '../stack/wait';

const LISTED_MS = 5_000;

/** How many runs the engine has of a swarm. Its list lags behind, hence the patience. */
async function countRuns(hatchet: HatchetClient, swarmId: string, expected: number): Promise<number> {
  let count = 0;
  await poll(
    async () => {
      const { rows } = await hatchet.runs.list({
        additionalMetadata: { 'mageflow.swarm': swarmId },
        includePayloads: false,
        limit: expected + 10,
      });
      count = rows.length;
      return count >= expected;
    },
    { timeoutMs: LISTED_MS, everyMs: 200 },
  );
  return count;
}

/** Where to find a swarm's runs. `ownEngine`: the stack made it, so it has no dashboard. */
export async function howToLook(
  hatchet: HatchetClient,
  swarmId: string,
  expectedRuns: number,
  ownEngine: boolean,
): Promise<string> {
  const count = await countRuns(hatchet, swarmId, expectedRuns);
  const filter = `with the filter "Additional metadata" mageflow.swarm:${swarmId}`;
  const runsPage = `${hatchet.config.api_url}/tenants/${hatchet.tenantId}/runs`;
  return [
    `Hatchet lists ${count} runs of this swarm: one a file that started, and one callback. To see them:`,
    `  in code:      await hatchet.runs.list({ additionalMetadata: { 'mageflow.swarm': '${swarmId}' } })`,
    ownEngine
      ? `  in a browser: not here, as this engine comes without its dashboard. With HATCHET_CLIENT_TOKEN set to one that has it: the runs page ${filter}`
      : `  in a browser: ${runsPage} ${filter} (first login of a local engine: admin@example.com, Admin123!!)`,
  ].join('\n');
}
