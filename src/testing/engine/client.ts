import type { HatchetClient } from '@hatchet-dev/typescript-sdk';
import { applyNamespace, CreateTaskWorkflow, WorkflowDeclaration } from '@hatchet-dev/typescript-sdk/edge/index.js';
import type { Clock } from '../../utils/clock';
import { InProcessEngine } from './engine';
import { grpcError, notFound, notInKit } from './errors';
import type { ClientLogger, Hook, Host, Middleware } from './host';
import { hasEnded, type Run, type RunOptions, type RunRequest } from './run';
import { outputsOf, RunReference } from './run-ref';
import { EngineWorker } from './worker';

export interface InProcessClientOptions {
  clock: Clock;
  logger: ClientLogger;
  namespace?: string | undefined;
  middleware?: Middleware | undefined;
  /** False: runs begin only when `engine.startNext` is called. */
  startsByItself?: boolean | undefined;
}

interface ListFilter {
  additionalMetadata?: Record<string, string>;
  since?: Date;
  until?: Date;
  limit?: number;
  offset?: number;
}

/**
 * A client of an engine inside this process, with the members of the SDK's `HatchetClient` that mageflow and tasks use. Each
 * other member of it is missing, or fails with an error that says so.
 */
export class InProcessHatchet implements Host {
  readonly engine: InProcessEngine;
  readonly tenantId = '00000000-0000-4000-8000-000000000000';
  readonly config: {
    namespace: string;
    log_level: 'OFF';
    logger: (name: string) => ClientLogger;
    middleware: Middleware;
  };
  /** Where the SDK keeps its stream of ends. */
  readonly _listener = {};
  /** Called with each task that is declared on this client. */
  onDeclare: ((declaration: object) => void) | undefined;

  constructor({ clock, logger, namespace = '', middleware = {}, startsByItself }: InProcessClientOptions) {
    this.config = { namespace, log_level: 'OFF', logger: () => logger, middleware };
    this.engine = new InProcessEngine(this, clock, startsByItself);
  }

  hooks(kind: keyof Middleware): Hook[] {
    return [this.config.middleware[kind] ?? []].flat();
  }

  fullName(name: string): string {
    return applyNamespace(name, this.config.namespace).toLowerCase();
  }

  task(options: object): object {
    const declaration = CreateTaskWorkflow(options as never, this.asClient() as never);
    this.onDeclare?.(declaration);
    return declaration;
  }

  durableTask({ name }: { name: string }): never {
    throw notInKit(`durable tasks, as ${name} is`);
  }

  workflow(options: object): object {
    return new WorkflowDeclaration(options as never, this.asClient() as never);
  }

  worker(
    name: string,
    { workflows = [], slots }: { workflows?: readonly object[]; slots?: number } = {},
  ): EngineWorker {
    const worker = new EngineWorker(this.engine, name, slots);
    worker.serve(workflows, (task) => this.fullName(task));
    return worker;
  }

  /** Returns this object for whatever takes a client of the SDK. */
  asClient(): HatchetClient {
    return this as unknown as HatchetClient;
  }

  readonly admin = {
    config: { retrier: {} },
    logger: { warn: (message: string) => this.config.logger('admin').warn(message) },
    runWorkflow: async (workflowName: string, input: unknown, options?: RunOptions): Promise<RunReference> => {
      const [reference] = await this.admin.runWorkflows([{ workflowName, input, options }]);
      return reference as RunReference;
    },
    runWorkflows: async (requests: readonly RunRequest[]): Promise<RunReference[]> => {
      // As an answer of an engine, it comes in a later turn.
      await new Promise<void>((resolve) => void this.engine.clock.immediate(resolve));
      const ids = this.engine.publish(requests);
      return ids.map((id, i) => {
        const { parentId, _standaloneTaskName: name } = requests[i]?.options ?? {};
        return new RunReference(this.engine, id, parentId, name);
      });
    },
  };

  readonly runs = {
    runRef: (id: string | Promise<string>) => new RunReference(this.engine, id),
    cancel: async ({ ids = [] }: { ids?: readonly string[] }) => {
      await this.answer();
      this.engine.cancel(ids);
    },
    getDetails: async (id: string) => {
      await this.answer();
      const run = this.engine.runs.get(id);
      if (!run) throw grpcError('/v1.AdminService/GetRunDetails', 'NOT_FOUND', 'the run was not found');
      return {
        done: hasEnded(run),
        isEvicted: false,
        status: run.status,
        input: JSON.parse(run.input) as unknown,
        additionalMetadata: run.metadata,
        taskRuns: {
          [run.outputName]: {
            externalId: run.id,
            readableId: run.outputName,
            output: outputsOf(run)[run.outputName] ?? null,
            error: run.error || undefined,
          },
        },
      };
    },
    get: async (id: string) => {
      await this.answer();
      const run = this.run(id);
      return { run: { status: run.status, input: JSON.parse(run.input) as unknown }, taskEvents: run.events };
    },
    list: async ({ additionalMetadata, since, until, limit = 50, offset = 0 }: ListFilter = {}) => {
      await this.answer();
      // Of several fields, one that is the same is enough.
      const wanted = Object.entries(additionalMetadata ?? {});
      const found = [...this.engine.runs.values()].filter(
        ({ metadata, createdAt }) =>
          (wanted.length === 0 || wanted.some(([field, value]) => metadata[field] === value)) &&
          createdAt >= (since?.getTime() ?? -Infinity) &&
          createdAt < (until?.getTime() ?? Infinity),
      );
      const rows = found.slice(offset, offset + limit).map((run) => ({
        workflowRunExternalId: run.id,
        additionalMetadata: run.metadata,
        createdAt: new Date(run.createdAt).toISOString(),
        status: run.status,
      }));
      return { rows };
    },
    replay: () => Promise.reject(notInKit('replays')),
  };

  readonly api = {
    v1TaskEventList: async (id: string, { limit = 0 }: { limit?: number } = {}) => {
      await this.answer();
      return { data: { rows: this.run(id).events.toReversed().slice(0, limit) } };
    },
    workerList: async () => {
      await this.answer();
      const rows = [...this.engine.workers].map(({ id, name, tasks, slots, running }) => ({
        metadata: { id },
        name,
        status: 'ACTIVE',
        actions: [...tasks.values()].map((task) => `${task.name}:${task.outputName}`.toLowerCase()),
        slotConfig: { default: { available: slots - running, limit: slots } },
      }));
      return { data: { rows } };
    },
    infoGetVersion: async () => {
      await this.answer();
      return { data: { version: 'in-process' } };
    },
  };

  readonly metrics = {
    getTaskStats: async () => {
      await this.answer();
      const waiting = [...this.engine.runs.values()].filter(({ status }) => status === 'QUEUED');
      const names = [...new Set(waiting.map(({ name }) => name))];
      const count = (name: string) => waiting.filter((run) => run.name === name).length;
      return Object.fromEntries(
        names.map((name) => [name, { queued: { queues: { [`${name}:${name}`]: count(name) } } }]),
      );
    },
  };

  readonly workflows = {
    list: async ({ name = '' }: { name?: string } = {}) => {
      await this.answer();
      return { rows: [...this.engine.names].filter((one) => one.includes(name)).map((one) => ({ name: one })) };
    },
  };

  readonly crons = refusing('crons');
  readonly scheduled = refusing('schedules');
  readonly events = refusing('events');

  /** Resolves in a later turn, as an answer of an engine arrives. */
  private answer(): Promise<void> {
    return new Promise((resolve) => void this.engine.clock.immediate(resolve));
  }

  private run(id: string): Run {
    const run = this.engine.runs.get(id);
    if (!run) throw notFound(`The run ${id}`);
    return run;
  }
}

/** Returns an object whose methods all fail. */
function refusing(what: string): Record<'create' | 'push' | 'delete' | 'list', () => Promise<never>> {
  const refuse = () => Promise.reject(notInKit(what));
  return { create: refuse, push: refuse, delete: refuse, list: refuse };
}
