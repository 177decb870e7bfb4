import type { BaseWorkflowDeclaration, CreateWorkerOpts, Worker } from '@hatchet-dev/typescript-sdk';
import type { Upkeep } from '../engine/upkeep';
import { ConfigurationError, messageOf } from '../errors';
import { checkWorker } from './checks';
import type { Runtime } from './runtime';
import { stopOnSignal } from './signals';

/**
 * Makes the SDK's worker, with upkeep running while it does. When it is stopped, or a signal stops the process, what it has
 * to publish and to confirm is handed on before it counts as stopped.
 */
export async function makeWorker(
  runtime: Runtime,
  upkeep: Upkeep,
  name: string,
  options: CreateWorkerOpts,
): Promise<Worker> {
  checkWorker(name, options);
  const declarations = (options.workflows ?? []) as BaseWorkflowDeclaration[];
  refuseSameNames(name, declarations);
  const { handleKill = true, ...rest } = options;
  const worker = await runtime.engine.hatchet.worker(name, { ...rest, handleKill: false });
  let started = false;
  let stopping: Promise<void> | undefined;
  const start = worker.start.bind(worker);
  const stop = worker.stop.bind(worker);
  worker.start = () => {
    if (!started) {
      started = true;
      upkeep.start();
    }
    return start().catch((error: unknown) => {
      runtime.logger.error(
        `mageflow: worker ${name} serves no more: ${messageOf(error)}. Start it again, or end the process for its manager to do so; upkeep goes on until then.`,
      );
      endHeartbeat(worker);
      throw error;
    });
  };
  const stopOnce = async () => {
    runtime.stopping.workers += 1;
    try {
      await stop();
    } finally {
      if (started) await upkeep.stop();
      started = false;
      await runtime.publisher.drain();
      runtime.stopping.workers -= 1;
    }
  };
  worker.stop = () => (stopping ??= stopOnce());
  stopOnSignal({ stop: () => worker.stop(), exits: handleKill });
  return worker;
}

/** The SDK leaves it behind when it gives up, after 200 s without an engine: runs would be given to a worker that is deaf. */
function endHeartbeat(worker: Worker): void {
  const { _internal: internal } = worker as unknown as {
    _internal?: { listener?: { heartbeat?: Partial<Heartbeat> } };
  };
  void internal?.listener?.heartbeat?.stop?.();
}

interface Heartbeat {
  stop(): Promise<void>;
}

function refuseSameNames(worker: string, declarations: readonly BaseWorkflowDeclaration[]): void {
  const names = new Map<string, BaseWorkflowDeclaration>();
  for (const declaration of declarations) {
    const lower = declaration.definition.name.toLowerCase();
    const other = names.get(lower);
    if (other && other !== declaration) {
      throw new ConfigurationError(
        `worker ${worker}: two different tasks are named "${other.definition.name}" and "${declaration.definition.name}", which is one name to the engine. Rename one.`,
      );
    }
    names.set(lower, declaration);
  }
}
