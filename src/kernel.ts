import type { Cluster, Redis } from 'ioredis';
import { bind } from './api/binding';
import { makeCapture } from './api/capture';
import { RunIds } from './api/run-ids';
import type { RootDefaults, Scope } from './api/scope';
import { placeholderSnapshot } from './api/stored-group';
import { TaskSwarm } from './api/task-swarm';
import { Waiter } from './api/waiter';
import { Events } from './config/events';
import type { Settings } from './config/options';
import { EngineClient } from './hatchet/client';
import type { AnyHatchet } from './hatchet/internals';
import { Canceller } from './orchestrator/canceller';
import { ChosenRetry } from './orchestrator/chosen-retry';
import { Commands, type CarryOut } from './orchestrator/commands';
import { Completion } from './orchestrator/completion';
import { Confirmations } from './orchestrator/confirmations';
import { Deadlines } from './orchestrator/deadlines';
import { EffectRunner, type EffectParts } from './orchestrator/effects';
import { EntryReconciler } from './orchestrator/entry-reconciler';
import { reportFailedCallbacks } from './orchestrator/failed-callbacks';
import { GroupCache } from './orchestrator/group-cache';
import { GroupLeases } from './orchestrator/group-leases';
import { GroupReconciler } from './orchestrator/group-reconciler';
import { Heartbeat } from './orchestrator/heartbeat';
import { Nesting } from './orchestrator/nesting';
import { NextStarts } from './orchestrator/next-starts';
import { Pauser } from './orchestrator/pauser';
import { Outbox, type Published } from './orchestrator/outbox';
import { PendingPublications } from './orchestrator/pending-publications';
import { Reconciler } from './orchestrator/reconciler';
import { Remover } from './orchestrator/remover';
import { Repairs } from './orchestrator/repairs';
import { Retrier } from './orchestrator/retrier';
import { RunInputs } from './orchestrator/run-inputs';
import { RunReconciler } from './orchestrator/run-reconciler';
import { RunRecovery } from './orchestrator/run-recovery';
import { RunWatcher } from './orchestrator/run-watcher';
import { Stalls } from './orchestrator/stalls';
import { Suspender } from './orchestrator/suspender';
import { TaskRegistry } from './orchestrator/task-registry';
import { UntakenRuns } from './orchestrator/untaken-runs';
import { RedisConnection } from './store/connection';
import { GroupReader } from './store/group-reader';
import { GroupStore } from './store/group-store';
import { SignatureIndex } from './store/signature-index';
import { RecentMap } from './utils/recent-map';
import { Turns } from './utils/turns';
import { untilIdle } from './utils/until-idle';
import type { InputSchema } from './worker/parsing';
import type { Runtime } from './worker/runtime';
import { UnknownClaims } from './worker/unknown-claims';

const rememberedMessageBytes = 4 * 1024 * 1024;

/** What an instance was opened with. */
export interface KernelOptions {
  /** The instance itself, for the module-level functions in bodies. */
  readonly instance: unknown;
  readonly hatchet: AnyHatchet;
  readonly redis: Redis | Cluster | string;
  readonly settings: Settings;
}

/** The parts of one instance, connected. */
export interface Kernel {
  /** The parts that signatures use. */
  readonly scope: Scope;
  /** The parts that bodies use. */
  readonly runtime: Runtime;
  readonly events: Events;
  readonly reconciler: Reconciler;
  readonly watcher: RunWatcher;
  /** The roots and schemas that the instance declares, by lower-cased name. */
  readonly roots: Map<string, RootDefaults>;
  readonly schemas: Map<string, InputSchema>;
  close(): Promise<void>;
}

/** Builds the parts of one instance, from the store upwards, and connects them. Nothing is started. */
export function openKernel({ instance, hatchet, redis, settings }: KernelOptions): Kernel {
  const { logger } = settings;
  const events = new Events(logger);
  const connection = new RedisConnection(redis, settings);
  const store = new GroupStore(connection, settings, hatchet.tenantId, hatchet.config.namespace ?? '', {
    onStatusChange: (event) => events.emit('group', event),
    onFailedCallback: (groupId, entry) => failedCallback(groupId, entry),
    onNextStart: (groupId, when) => nextStarts.plan(groupId, when),
  });
  const reader = new GroupReader(store);
  const failedCallback = reportFailedCallbacks(reader, events, logger);
  const signatureIndex = new SignatureIndex(store);
  const engine = new EngineClient(hatchet, settings.clock);
  const registry = new TaskRegistry(store);
  const repairs = new Repairs(reader, events, settings);

  // The effects of a command lead to further commands, so the parts that carry them out are read when they are needed.
  const parts: EffectParts = {
    get outbox() {
      return outbox;
    },
    get nesting() {
      return nesting;
    },
    get canceller() {
      return canceller;
    },
    get deadlines() {
      return deadlines;
    },
    get nextStarts() {
      return nextStarts;
    },
    get cache() {
      return cache;
    },
  };
  const effects = new EffectRunner(store, engine, () => parts);
  const carryOut: CarryOut = (groupId, left) => effects.carryOut(groupId, left);
  const commands = new Commands(store, carryOut);
  const cache = new GroupCache(reader);
  const suspender = new Suspender(store, reader, registry, commands);
  const completion = new Completion(store, reader, events, suspender, commands);
  const canceller = new Canceller(engine, store, reader, commands, completion);
  const inputs = new RunInputs(reader, settings);
  const leases = new GroupLeases(store, repairs.names);
  const retrier = new Retrier(store, reader, commands, new ChosenRetry(store, reader, commands, leases, inputs));
  const remover = new Remover(store, reader);
  const deadlines = new Deadlines(canceller, repairs, settings.clock);
  const nextStarts = new NextStarts(store, commands, repairs);
  const confirmations = new Confirmations(store, suspender, canceller);
  const markPublished = (groupId: string, entry: string) => outbox.markPublished(groupId, entry);
  const by = { cache, completion, canceller, retrier, suspender, signatureIndex };
  const nesting = new Nesting(store, reader, commands, by, markPublished);

  const recovery = new RunRecovery(engine, store, reader, events);
  const pending = new PendingPublications();
  const heartbeat = new Heartbeat(pending, store, reader);
  const published = (run: Published) => {
    runIds.set(run.groupId, run.entry, run.runId);
    waiter.entries.published(run.groupId, run.entry);
    watcher.published(run);
  };
  const outbox = new Outbox(engine, {
    store,
    reader,
    inputs,
    cache,
    completion,
    nesting,
    recovery,
    confirmations,
    pending,
    heartbeat,
    published,
  });

  const untaken = new UntakenRuns(engine, reader, registry, commands, repairs);
  const runReconciler = new RunReconciler(engine, registry, untaken, completion);
  const watcher = new RunWatcher(engine, registry, runReconciler, settings);
  const stalls = new Stalls(engine, store, () => heartbeat.stuckMs());
  const entryParts = { store, reader, commands, outbox, stalls, nesting, canceller, runReconciler, repairs };
  const groupParts = { commands, effects, nesting, canceller, suspender, retrier, deadlines, nextStarts };
  const reconciler = new Reconciler({ store, registry, recovery, heartbeat, repairs }, (goesOn) => {
    const entries = new EntryReconciler(entryParts, goesOn);
    return new GroupReconciler(store, groupParts, entries, remover, signatureIndex);
  });

  const runIds = new RunIds();
  const waiter = new Waiter(store);
  const roots = new Map<string, RootDefaults>();
  const schemas = new Map<string, InputSchema>();
  const scope: Scope = {
    store,
    engine,
    reader,
    effects,
    commands: commands.with((groupId, left) => effects.carryOutBriefly(groupId, left)),
    cache,
    leases,
    canceller,
    suspender,
    retrier,
    remover,
    waiter,
    signatureIndex,
    runIds,
    turns: new Turns(),
    roots,
    schemas,
    openSwarm: (id, name, before) =>
      new TaskSwarm(scope, id, name, { before: () => placeholderSnapshot({ kind: 'root', name }, before) }),
  };
  const runtime: Runtime = {
    instance,
    store,
    reader,
    engine,
    inputs,
    outbox,
    confirmations,
    cache,
    effects,
    completion,
    nesting,
    suspender,
    pauser: new Pauser(reader, commands),
    nextStarts,
    runReconciler,
    registry,
    logger,
    unknownClaims: new UnknownClaims(store),
    events,
    messages: new RecentMap(rememberedMessageBytes, ({ text }) => 2 * text.length + 200),
    stopping: { workers: 0 },
    signatureIndex,
    declaredRoot: async (name) => bind(scope, name),
    capture: makeCapture(scope, registry),
  };

  /** Ends waits first, then completes what the process holds, and closes the connections last. */
  const close = async () => {
    watcher.close();
    waiter.close();
    const stopped = reconciler.close();
    const limit = { who: 'what is under way', ms: settings.commandTimeoutMs };
    await untilIdle(settings.clock, limit, () => outbox.isBusy || connection.isBusy, stopped);
    recovery.close();
    deadlines.close();
    await nextStarts.close();
    leases.close();
    await outbox.close();
    connection.close();
    engine.close();
  };
  return { scope, runtime, events, reconciler, watcher, roots, schemas, close };
}
