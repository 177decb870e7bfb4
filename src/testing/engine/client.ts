import type { HatchetClient } from '@hatchet-dev/typescript-sdk';
import {
  applyNamespace,
  CreateDurableTaskWorkflow,
  CreateTaskWorkflow,
  WorkflowDeclaration,
} from '@hatchet-dev/typescript-sdk/edge/index.js';
import type { Clock } from '../../utils/clock';
import { randomUUID } from 'node:crypto';
import { InProcessEngine } from './engine';
import { grpcError, notFound, notInKit } from './errors';
import type { ClientLogger, Hook, Host, Middleware } from './host';
import { hasEnded, type Run, type RunOptions, type RunRequest, type TaskRun } from './run';
import { RunReference } from './run-ref';
import type { ServedWorkflow } from './served-task';
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

  durableTask(options: object): object {
    const declaration = CreateDurableTaskWorkflow(options as never, this.asClient() as never);
    this.onDeclare?.(declaration);
    return declaration;
  }

  workflow(options: object): object {
    const declaration = new WorkflowDeclaration(options as never, this.asClient() as never);
    this.onDeclare?.(declaration);
    return declaration;
  }

  worker(
    name: string,
    {
      workflows = [],
      slots,
      durableSlots,
    }: { workflows?: readonly object[]; slots?: number; durableSlots?: number } = {},
  ): EngineWorker {
    const worker = new EngineWorker(this.engine, name, slots, durableSlots);
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
        isEvicted: run.tasks.some(({ isEvicted }) => isEvicted),
        status: run.status,
        input: JSON.parse(run.input) as unknown,
        additionalMetadata: run.metadata,
        taskRuns: Object.fromEntries(run.tasks.map((task) => [task.task.name, detailOf(task)])),
      };
    },
    get: async (id: string) => {
      await this.answer();
      const run = this.run(id);
      return {
        run: { status: run.status, input: JSON.parse(run.input) as unknown },
        taskEvents: run.tasks.flatMap(({ events }) => events),
      };
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
    replay: async ({ ids }: { ids?: readonly string[] }) => {
      await this.answer();
      if (!ids) throw notInKit('replays by filters');
      this.engine.replay(ids);
    },
  };

  readonly api = {
    v1TaskEventList: async (id: string, { limit = 0 }: { limit?: number } = {}) => {
      await this.answer();
      const events = this.engine.eventsOf(id);
      if (!events) throw notFound(`The task ${id}`);
      return { data: { rows: events.toReversed().slice(0, limit) } };
    },
    workerList: async () => {
      await this.answer();
      const rows = [...this.engine.workers].map(({ id, name, workflows, slots, running }) => ({
        metadata: { id },
        name,
        status: 'ACTIVE',
        actions: [...workflows.values()].flatMap((read) => actionsOf(read())),
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
  readonly events = {
    ...refusing('list of events'),
    /** Wakes the durable tasks that wait for the event. No run begins by it. */
    push: async (key: string, payload: object) => {
      await this.answer();
      const event = {
        id: randomUUID(),
        key: applyNamespace(key, this.config.namespace),
        payload: JSON.parse(JSON.stringify(payload)) as object,
        at: this.engine.clock.now(),
      };
      this.engine.waits.push(event);
      return { eventId: event.id, key: event.key, payload: JSON.stringify(payload) };
    },
  };

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

function detailOf({ id, task, status, output, error }: TaskRun): object {
  return {
    externalId: id,
    readableId: task.name,
    status,
    output: output === undefined ? null : (JSON.parse(output) as unknown),
    error: error || undefined,
  };
}

function actionsOf({ name, tasks }: ServedWorkflow): string[] {
  return tasks.map((task) => `${name}:${task.name}`.toLowerCase());
}

/** Returns an object whose methods all fail. */
function refusing(what: string): Record<'create' | 'push' | 'delete' | 'list', () => Promise<never>> {
  const refuse = () => Promise.reject(notInKit(what));
  return { create: refuse, push: refuse, delete: refuse, list: refuse };
}
