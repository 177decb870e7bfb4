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
import { Commands } from './orchestrator/commands';
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
import type { StoreListeners } from './store/script-calls';
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
export function openKernel(options: KernelOptions): Kernel {
  const base = openBase(options, (groupId, when) => orchestration.nextStarts.plan(groupId, when));
  const runIds = new RunIds();
  const waiter = new Waiter(base.store);
  const roots = new Map<string, RootDefaults>();
  const schemas = new Map<string, InputSchema>();
  const orchestration = buildOrchestration(base, (run) => {
    runIds.set(run.groupId, run.entry, run.runId);
    waiter.entries.published(run.groupId, run.entry);
    reconciling.watcher.published(run);
  });
  const reconciling = buildReconciling(base, orchestration);
  const scope = buildScope(base, orchestration, { runIds, waiter, roots, schemas });
  const runtime = buildRuntime(options, { base, orchestration, reconciling, scope });
  return {
    scope,
    runtime,
    events: base.events,
    reconciler: reconciling.reconciler,
    watcher: reconciling.watcher,
    roots,
    schemas,
    close: () => closeAll(base, orchestration, reconciling, waiter),
  };
}

type Base = ReturnType<typeof openBase>;
type Orchestration = ReturnType<typeof buildOrchestration>;
type Reconciling = ReturnType<typeof buildReconciling>;

/** Opens the store and the engine, and the parts that stand on them alone. */
function openBase(
  { hatchet, redis, settings }: KernelOptions,
  onNextStart: NonNullable<StoreListeners['onNextStart']>,
) {
  const events = new Events(settings.logger);
  const connection = new RedisConnection(redis, settings);
  const store = new GroupStore(connection, settings, hatchet.tenantId, hatchet.config.namespace ?? '', {
    onStatusChange: (event) => events.emit('group', event),
    onFailedCallback: (groupId, entry) => failedCallback(groupId, entry),
    onNextStart,
  });
  const reader = new GroupReader(store);
  const failedCallback = reportFailedCallbacks(reader, events, settings.logger);
  return {
    settings,
    events,
    connection,
    store,
    reader,
    engine: new EngineClient(hatchet, settings.clock),
    signatureIndex: new SignatureIndex(store),
    registry: new TaskRegistry(store),
    repairs: new Repairs(reader, events, settings),
  };
}

/** Builds the parts that change groups, carry out the effects, and publish. */
function buildOrchestration(base: Base, published: (run: Published) => void) {
  const { settings, events, store, reader, engine, signatureIndex, registry, repairs } = base;
  // The effects of a command lead to further commands, so the parts that carry them out are read when they are needed.
  const effects = new EffectRunner(store, engine, (): EffectParts => parts);
  const commands = new Commands(store, (groupId, left) => effects.carryOut(groupId, left));
  const cache = new GroupCache(reader);
  const inputs = new RunInputs(reader, settings);

  const suspender = new Suspender(store, reader, registry, commands);
  const completion = new Completion(store, reader, events, suspender, commands);
  const canceller = new Canceller(engine, store, reader, commands, completion);
  const leases = new GroupLeases(store, repairs.names);
  const retrier = new Retrier(store, reader, commands, new ChosenRetry(store, reader, commands, leases, inputs));
  const remover = new Remover(store, reader);
  const deadlines = new Deadlines(canceller, repairs, settings.clock);
  const nextStarts = new NextStarts(store, commands, repairs);
  const by = { cache, completion, canceller, retrier, suspender, signatureIndex };
  const nesting = new Nesting(store, reader, commands, by, (groupId, entry) => outbox.markPublished(groupId, entry));

  const confirmations = new Confirmations(store, suspender, canceller);
  const recovery = new RunRecovery(engine, store, reader, events);
  const pending = new PendingPublications();
  const heartbeat = new Heartbeat(pending, store, reader);
  const outbox: Outbox = new Outbox(engine, {
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
  const parts = { outbox, nesting, canceller, deadlines, nextStarts, cache };
  return {
    effects,
    commands,
    cache,
    inputs,
    suspender,
    completion,
    canceller,
    leases,
    retrier,
    remover,
    deadlines,
    nextStarts,
    nesting,
    confirmations,
    recovery,
    heartbeat,
    outbox,
  };
}

/** Builds the parts that complete what nobody reports: the reconciler, and the watcher of runs without a wrapper. */
function buildReconciling(base: Base, orchestration: Orchestration) {
  const { settings, store, reader, engine, signatureIndex, registry, repairs } = base;
  const { commands, outbox, nesting, canceller, completion, recovery, heartbeat, remover } = orchestration;
  const untaken = new UntakenRuns(engine, reader, registry, commands, repairs);
  const runReconciler = new RunReconciler(engine, registry, untaken, completion);
  const watcher = new RunWatcher(engine, registry, runReconciler, settings);
  const stalls = new Stalls(engine, store, () => heartbeat.stuckMs());
  const entryParts = { store, reader, commands, outbox, stalls, nesting, canceller, runReconciler, repairs };
  const reconciler = new Reconciler({ store, registry, recovery, heartbeat, repairs }, (goesOn) => {
    const entries = new EntryReconciler(entryParts, goesOn);
    return new GroupReconciler(store, orchestration, entries, remover, signatureIndex);
  });
  return { runReconciler, watcher, reconciler };
}

/** Collects the parts that signatures use. */
function buildScope(
  { store, engine, reader, signatureIndex }: Base,
  { effects, commands, cache, leases, canceller, suspender, retrier, remover }: Orchestration,
  own: Pick<Scope, 'runIds' | 'waiter' | 'roots' | 'schemas'>,
): Scope {
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
    signatureIndex,
    ...own,
    turns: new Turns(),
    openSwarm: (id, name, before) =>
      new TaskSwarm(scope, id, name, { before: () => placeholderSnapshot({ kind: 'root', name }, before) }),
  };
  return scope;
}

/** Collects the parts that bodies use. */
function buildRuntime(
  { instance }: KernelOptions,
  built: { base: Base; orchestration: Orchestration; reconciling: Reconciling; scope: Scope },
): Runtime {
  const { base, orchestration, reconciling, scope } = built;
  const { store, reader, engine, registry, events, signatureIndex, settings } = base;
  const { inputs, outbox, confirmations, cache, effects, completion, nesting, suspender, nextStarts } = orchestration;
  return {
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
    pauser: new Pauser(reader, orchestration.commands),
    nextStarts,
    runReconciler: reconciling.runReconciler,
    registry,
    logger: settings.logger,
    unknownClaims: new UnknownClaims(store),
    events,
    messages: new RecentMap(rememberedMessageBytes, ({ text }) => 2 * text.length + 200),
    stopping: { workers: 0 },
    signatureIndex,
    declaredRoot: async (name) => bind(scope, name),
    capture: makeCapture(scope, registry),
  };
}

/** Ends waits first, then completes what the process holds, and closes the connections last. */
async function closeAll(
  { settings, store, connection, engine }: Base,
  { outbox, recovery, deadlines, nextStarts, leases }: Orchestration,
  { watcher, reconciler }: Reconciling,
  waiter: Waiter,
): Promise<void> {
  watcher.close();
  waiter.close();
  const stopped = reconciler.close();
  const limit = { who: 'what is under way', ms: settings.commandTimeoutMs };
  await untilIdle(store.clock, limit, () => outbox.isBusy || connection.isBusy, stopped);
  recovery.close();
  deadlines.close();
  await nextStarts.close();
  leases.close();
  await outbox.close();
  connection.close();
  engine.close();
}
