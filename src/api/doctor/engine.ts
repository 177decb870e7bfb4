import { messageOf } from '../../utils/error-message';
import { withTimeout } from '../../utils/timeout';
import { message } from '../explain/words';
import type { Reading } from '../reading';
import { unchecked, type Found } from './finding';

/** From how many ms on an answer is slow. */
const slowMs = 1_000;

/** Looks whether the engine answers, and how fast. */
export async function health({ engine, store }: Reading): Promise<Found[]> {
  if (!engine) return [unchecked('the engine', 'there is no connection to it')];
  const limit = { who: 'the engine', ms: store.settings.commandTimeoutMs };
  try {
    const { version, restMs, grpcMs } = await withTimeout(store.clock, limit, engine.health());
    const took = `REST in ${Math.round(restMs)} ms, gRPC in ${Math.round(grpcMs)} ms`;
    if (Math.max(restMs, grpcMs) < slowMs) return [{ level: 'ok', clause: `Hatchet ${version} answers (${took})` }];
    return [
      {
        level: 'warning',
        clause: `Hatchet ${version} answers slowly: ${took}`,
        todo: 'Look at the load of Hatchet and its database, and at the network between.',
      },
    ];
  } catch (error) {
    return [
      {
        level: 'error',
        clause: `Hatchet gives no answer: ${message(messageOf(error))}`,
        todo: 'Start Hatchet, or correct the token and the addresses (HATCHET_CLIENT_TOKEN, HATCHET_CLIENT_HOST_PORT, HATCHET_CLIENT_API_URL). Until it answers, nothing new starts.',
      },
    ];
  }
}
