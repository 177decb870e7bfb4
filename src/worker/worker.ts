import type { BaseWorkflowDeclaration, CreateWorkerOpts, Worker } from '@hatchet-dev/typescript-sdk';
import { stopHeartbeat } from '../hatchet/internals';
import type { Reconciler } from '../orchestrator/reconciler';
import { ConfigurationError } from '../config/errors';
import { messageOf } from '../utils/error-message';
import { checkWorker } from './checks';
import { refuseLoneWait } from './declare';
import type { Runtime } from './runtime';
import { stopOnSignal } from './signals';

/**
 * Makes the SDK's worker, with a reconciler that runs as long as the worker. When it is stopped, by a call or a signal, it
 * finishes its publications and confirmations before it counts as stopped.
 */
export async function makeWorker(
  runtime: Runtime,
  reconciler: Reconciler,
  name: string,
  options: CreateWorkerOpts,
): Promise<Worker> {
  checkWorker(name, options);
  const declarations = [...((options.workflows ?? []) as BaseWorkflowDeclaration[])];
  refuseSameNames(name, declarations);
  // All tasks of a workflow have been added by now.
  for (const declaration of declarations) refuseLoneWait(declaration);
  const { handleKill = true, workflows: _workflows, labels, ...rest } = options;
  const worker = await runtime.engine.hatchet.worker(name, {
    ...rest,
    // Copies, because the SDK reads them only after a call to the engine.
    workflows: declarations,
    ...(labels ? { labels: { ...labels } } : {}),
    handleKill: false,
  });
  let started = false;
  let running: Promise<void> | undefined;
  let stopping: Promise<void> | undefined;
  let letGo: (() => void) | undefined;
  const start = worker.start.bind(worker);
  const stop = worker.stop.bind(worker);
  // Its runs could only fail: an older version must not misread what a newer one has stored.
  const stopRefused = (refusal: Error) => {
    runtime.logger.error(`worker ${name} stops: ${refusal.message}`);
    worker.stop().catch((error: unknown) => runtime.logger.error(`worker ${name} did not stop: ${messageOf(error)}`));
  };
  const begin = () => {
    stopping = undefined;
    if (!started) {
      started = true;
      reconciler.start();
      const noSignals = stopOnSignal({ stop: () => worker.stop(), exits: handleKill });
      const noRefusals = reconciler.onRefused(stopRefused);
      letGo = () => {
        noSignals();
        noRefusals();
      };
    }
    return start().catch((error: unknown) => {
      runtime.logger.error(
        `worker ${name} has stopped and takes no more runs: ${messageOf(error)}. Start it again, or exit so that a process manager does. The reconciler continues until then.`,
      );
      stopHeartbeat(worker);
      throw error;
    });
  };
  // A worker that is started while it stops starts again afterwards. A running worker is not started a second time.
  worker.start = () => {
    if (running) return running;
    const stopped = stopping;
    // The caller of `stop` receives the error, so it is ignored here.
    const own: Promise<void> = (
      stopped ? stopped.catch(() => undefined).then(() => (running === own ? begin() : undefined)) : begin()
    ).finally(() => {
      if (running === own) running = undefined;
    });
    return (running = own);
  };
  const stopOnce = async () => {
    runtime.stopping.workers += 1;
    try {
      await stop();
    } finally {
      if (started) await reconciler.stop();
      started = false;
      await runtime.outbox.drain();
      runtime.stopping.workers -= 1;
      letGo?.();
    }
  };
  worker.stop = () => {
    running = undefined;
    return (stopping ??= stopOnce());
  };
  return worker;
}

function refuseSameNames(worker: string, declarations: readonly BaseWorkflowDeclaration[]): void {
  const names = new Map<string, BaseWorkflowDeclaration>();
  for (const declaration of declarations) {
    const lower = declaration.definition.name.toLowerCase();
    const other = names.get(lower);
    if (other && other !== declaration) {
      throw new ConfigurationError(
        `worker ${worker}: two different tasks are named "${other.definition.name}" and "${declaration.definition.name}", which the engine treats as one name. Rename one.`,
      );
    }
    names.set(lower, declaration);
  }
}
