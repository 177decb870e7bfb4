import type { BaseWorkflowDeclaration, CreateWorkerOpts, Worker } from '@hatchet-dev/typescript-sdk';
import type { Upkeep } from '../engine/upkeep';
import { ConfigurationError } from '../errors';
import type { Runtime } from './runtime';

/** Makes the SDK's worker, with upkeep running while it does. */
export async function makeWorker(
  runtime: Runtime,
  upkeep: Upkeep,
  name: string,
  options: CreateWorkerOpts,
): Promise<Worker> {
  const declarations = (options.workflows ?? []) as BaseWorkflowDeclaration[];
  refuseSameNames(name, declarations);
  const worker = await runtime.engine.hatchet.worker(name, options);
  let started = false;
  const start = worker.start.bind(worker);
  const stop = worker.stop.bind(worker);
  worker.start = () => {
    if (!started) {
      started = true;
      upkeep.start();
    }
    return start();
  };
  worker.stop = async () => {
    await stop();
    if (started) {
      started = false;
      await upkeep.stop();
    }
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
        `worker ${worker}: two different tasks are named "${other.definition.name}" and "${declaration.definition.name}", which is one name to the engine. Rename one.`,
      );
    }
    names.set(lower, declaration);
  }
}
