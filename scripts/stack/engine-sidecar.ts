import { startEmbeddedSidecar } from '@hatchet-dev/typescript-sdk/v1/embedded.js';
import { isApiReady, type EngineEndpoint } from './engine';
import { errorMessage, StackError } from './errors';
import type { StartContext } from './instance';
import { freePorts } from './ports';
import { poll } from './wait';

const READY_MS = 120_000;

export interface Sidecar {
  endpoint: EngineEndpoint;
  stop: () => Promise<void>;
}

function whenAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => {
      reject(signal.reason as Error);
    });
  });
}

/**
 * Starts the engine through the SDK's embedded mode: from HATCHET_CLIENT_EMBEDDED_BINARY_PATH, else from a download. It gets
 * our Postgres, as the one it brings along cannot run as root.
 */
export async function startSidecar(
  { instance, signal, progress }: StartContext,
  databaseUrl: string,
): Promise<Sidecar> {
  const [grpcPort = 0, apiPort = 0] = await freePorts(2);
  const log = instance.log('supervisor'); // where the SDK's own output goes
  progress(`starting the engine through the SDK's embedded mode (log: ${log})`);
  let sidecar: Awaited<ReturnType<typeof startEmbeddedSidecar>>;
  try {
    sidecar = await Promise.race([
      startEmbeddedSidecar({ databaseUrl, grpcPort, apiPort, readyTimeoutMs: READY_MS }),
      whenAborted(signal),
    ]);
  } catch (error) {
    signal.throwIfAborted();
    throw new StackError(
      `The SDK's embedded engine did not start: ${errorMessage(error)}. Install Go, so that the engine can be built, set HATCHET_CLIENT_TOKEN to use an engine of yours, or HATCHET_CLIENT_EMBEDDED_BINARY_PATH to a sidecar binary.`,
      log,
    );
  }
  const ready = await poll(() => isApiReady(sidecar.apiUrl), { timeoutMs: READY_MS, signal }).catch(
    async (error: unknown) => {
      await sidecar.stop();
      throw error;
    },
  );
  if (ready === undefined) {
    await sidecar.stop();
    throw new StackError(
      `The embedded engine did not answer ${sidecar.apiUrl}/api/ready after ${String(READY_MS / 1000)} s.`,
      log,
    );
  }
  return {
    endpoint: {
      HATCHET_CLIENT_TOKEN: sidecar.token,
      HATCHET_CLIENT_TLS_STRATEGY: 'none',
      HATCHET_CLIENT_HOST_PORT: sidecar.grpcAddress,
      HATCHET_CLIENT_API_URL: sidecar.apiUrl,
    },
    stop: () => sidecar.stop(),
  };
}
