import { randomBytes } from 'node:crypto';
import type { BaseWorkflowDeclaration, HatchetClient } from '@hatchet-dev/typescript-sdk';
import { EngineClient } from '../../../src/hatchet/client';
import { InProcessHatchet } from '../../../src/testing/engine/client';
import { systemClock } from '../../../src/utils/clock';
import { unrefEvictionTimers } from '../../helpers/eviction-timers';
import { newHatchet, stopListening } from '../../helpers/fixture';
import { engineCases, type EngineCase, type Side } from './engine-cases';
import { workflowCases } from './engine-workflow-cases';

const quiet = { info: () => undefined, debug: () => undefined, warn: () => undefined, error: () => undefined };

/** Tries a case on an engine, with names of its own. */
async function tried(client: HatchetClient, { seen }: EngineCase): Promise<unknown> {
  const engine = new EngineClient(client);
  const stops: (() => Promise<unknown>)[] = [];
  const serve = async (tasks: readonly BaseWorkflowDeclaration<any, any>[], slots = 10) => {
    const worker = await client.worker(`w-${randomBytes(4).toString('hex')}`, {
      workflows: [...tasks],
      slots,
      handleKill: false,
    });
    const running = worker.start();
    stops.push(async () => {
      await worker.stop();
      await running;
    });
    await worker.waitUntilReady(120_000);
  };
  const side: Side = { client, engine, serve };
  try {
    return await seen(side);
  } finally {
    for (const stop of stops) await stop();
    engine.close();
  }
}

beforeAll(unrefEvictionTimers);

test.each([...engineCases, ...workflowCases].map((one) => [one.what, one] as const))(
  '%s: the in-process engine does what the real one does',
  async (_, one) => {
    const namespace = `e${randomBytes(5).toString('hex')}_`;
    const ours = new InProcessHatchet({ clock: systemClock, logger: quiet, namespace }).asClient();
    const real = newHatchet(namespace);
    try {
      const [expected, found] = await Promise.all([tried(real, one), tried(ours, one)]);
      expect(found).toEqual(expected);
    } finally {
      stopListening(real);
    }
  },
);
