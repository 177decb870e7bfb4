import { ConfigurationError, SwarmClosedError, SwarmFinishedError, describe, withAdded } from '../config/errors';
import { longestTimerMs } from '../utils/timeout';
import { canonical } from '../messages/canonical';
import { bytesOf, encodeMessage } from '../messages/json';
import { refuseUnknown, wholeNumber } from '../config/options';
import { resolveChange, type SwarmConfig } from '../config/swarm-config';
import { readEnds, roundOf } from '../store/end-log';
import { isEnded, type Snapshot } from '../store/group-reader';
import type { AddFlags } from '../store/group-store';
import { isKeyed, isOfKey } from '../store/ids';
import { packMessage, type Spec, type StoredRunOptions } from '../store/spec';
import type { RootCapture } from '../worker/roots/root-capture';
import { alreadyStarted, checkRunOptions, checkCallOptions, checkSignal, checkWaitOptions } from './binding';
import { bytesPerScript, entriesPerScript, placeAll, prepare, releaseAll, undo, type PreparedEntry } from './entries';
import { IndexSet } from '../utils/index-set';
import { iterable } from '../utils/iterable';
import { captureMadeSwarm, captureSwarm, noteCapture, swarmSpec } from './capture-swarm';
import { nameKindIn } from './other-kinds';
import { capturingRoot, publishBeside, publishFor, type Scope } from './scope';
import { StoredEntry } from './stored-entry';
import { progressOf, StoredGroup } from './stored-group';
import { TaskSignature } from './task-signature';
import { byValue } from './templates';
import type { Turn } from '../utils/turns';
import { afterThat } from './waiting';
import {
  reserve,
  toStored,
  type Handle,
  type ItemOf,
  type ItemResult,
  type Member,
  type Owner,
  type Progress,
  type ResultsOptions,
  type RunOptions,
  type SignatureStatus,
  type SignOptions,
  type Swarm,
  type TaskEntry,
  type TaskLike,
  type WaitOptions,
  type WatchOptions,
} from './types';

const itemsPerRead = 256;

interface AboutSwarm {
  /** What it is before it is there, for one that comes to be by itself. */
  before?: () => Promise<Snapshot | undefined>;
  /** The root in whose body it was made. */
  madeIn?: RootCapture | undefined;
  /** Whether it was given a key. Default: whether its id says so. */
  keyed?: boolean;
  /** Whether it was made just now, or found. */
  created?: boolean;
}

/** A swarm as it is stored: everything it says is read from Redis, so it speaks the same in every process. */
export class TaskSwarm<O> implements Swarm<O> {
  readonly kind = 'swarm';
  private readonly stored: StoredGroup;
  /** The group that it was handed in to. */
  private owner: Owner | undefined;
  /** A group that it was handed in to and not taken by, as long as that may have it; and whether that one is not there. */
  private left: { groupId: string; gone: boolean | Promise<boolean> } | undefined;
  private leaving: Promise<void> = Promise.resolve();
  /** Whether this object has been run, in this attempt of the body that made it. */
  private ran = false;
  /** The root in whose body it was made. */
  private readonly madeIn: RootCapture | undefined;
  /** Whether it was given a key: then a run attaches to the first one. */
  private readonly keyed: boolean;
  readonly created: boolean | undefined;

  constructor(
    private readonly scope: Scope,
    readonly id: string,
    readonly name: string,
    { before, madeIn, keyed = isOfKey(id), created }: AboutSwarm = {},
  ) {
    this.stored = new StoredGroup(scope, id, 'swarm', name, before);
    this.madeIn = madeIn;
    this.keyed = keyed;
    this.created = created;
  }

  /** @internal */
  get identity(): string {
    return `swarm ${this.id}`;
  }

  async run(message?: Record<string, unknown>, options?: RunOptions & WaitOptions): Promise<O[]> {
    await this.start(message, options);
    return this.stored.wait(options);
  }

  async runNoWait(message?: Record<string, unknown>, options?: RunOptions): Promise<Handle<O[]>> {
    await this.start(message, options);
    return this.stored.handle();
  }

  async runSettled(message?: Record<string, unknown>, options?: RunOptions & WaitOptions): Promise<ItemResult<O>[]> {
    await this.start(message, options);
    const { total } = await this.stored.ended(options);
    const items: ItemResult<O>[] = [];
    for (let from = 0; from < total; from += itemsPerRead) {
      const indexes = Array.from({ length: Math.min(itemsPerRead, total - from) }, (_, i) => from + i);
      items.push(...((await this.scope.reader.ended(this.id, indexes)) as ItemResult<O>[]));
    }
    return items;
  }

  async wait(options?: WaitOptions): Promise<O[]> {
    checkWaitOptions(options);
    const left = afterThat(options);
    const look = async () => ((await this.stored.status()) === 'pending' ? this.firing() : this.stored);
    const found = (await look()) ?? (await this.scope.waiter.until(this.id, look, options));
    return found.wait<O[]>(left());
  }

  async status(): Promise<SignatureStatus> {
    const status = await this.stored.status();
    return status === 'pending' ? ((await this.firing())?.status() ?? status) : status;
  }

  /** As a callback it is a template: what there is to tell of is its latest firing. */
  private async firing(): Promise<StoredEntry | undefined> {
    const location = await this.scope.locations.find(this.id);
    if (!location || location.index !== undefined) return undefined;
    const { groupId } = location;
    const fired = await this.scope.reader.latestInvocation(groupId, this.id);
    return fired === undefined ? undefined : new StoredEntry(this.scope, groupId, fired, this);
  }

  async progress(): Promise<Progress> {
    return progressOf(await this.stored.snapshot());
  }

  results(options: ResultsOptions = {}): AsyncIterable<ItemResult<O>> {
    refuseUnknown(options, new Set(['signal']), 'option of results');
    checkSignal(options.signal);
    return iterable((signal) => this.readResults(signal), options.signal);
  }

  private async *readResults(signal: AbortSignal): AsyncGenerator<ItemResult<O>, void, undefined> {
    const { reader, store, waiter } = this.scope;
    // What has succeeded stays in the log when the swarm is tried again; all else ends anew, and is told anew.
    const told = new IndexSet();
    let round = 0;
    let read = 0;
    for (;;) {
      const next = await waiter.until(
        this.id,
        async () => {
          // The status first: whatever ended before the group did is in the log when that is read.
          const { status, total } = await this.stored.snapshot();
          const log = await readEnds(store, this.id, read, itemsPerRead);
          if (!log) return undefined;
          const isNews = log.indexes.length > 0 || log.round !== round;
          return isNews || isEnded(status) ? { ...log, total } : undefined;
        },
        { items: true, signal },
      );
      if (next.round !== round) {
        round = next.round;
        read = 0;
        continue;
      }
      if (next.indexes.length === 0) {
        if (yield* this.neverStarted(next.total, round)) return;
        continue;
      }
      read += next.indexes.length;
      const untold = next.indexes.filter((index) => !told.has(index));
      for await (const items of reader.endedPages(this.id, untold))
        for (const item of items as ItemResult<O>[]) {
          if (item.status === 'succeeded') told.add(item.index);
          yield item;
        }
    }
  }

  async addTask<T extends TaskLike>(task: T, data?: object, options?: SignOptions): Promise<ItemOf<T>> {
    const turn = this.scope.turns.take(this.id);
    const given = [task, data, options] as TaskEntry;
    let entry: PreparedEntry;
    let reply: { indexes: readonly number[]; added: number };
    try {
      entry = await prepare(this.scope, given, this.asOwner(), 'task');
      reply = await this.addPrepared([entry], {}, 0, turn);
    } finally {
      turn.pass();
    }
    const { indexes, added } = reply;
    const [index = 0] = indexes;
    if (entry.member) return task as unknown as ItemOf<T>;
    const about = { keyed: entry.key !== '', isNew: added > 0 };
    return TaskSignature.item(this.scope, this.asOwner(), index, entry.packed, about) as unknown as ItemOf<T>;
  }

  async addTasks(
    entries: Iterable<TaskEntry> | AsyncIterable<TaskEntry>,
    options: { run?: boolean | undefined } = {},
  ): Promise<number> {
    refuseUnknown(options, new Set(['run']), 'option of addTasks');
    const { run = false } = options;
    if (typeof run !== 'boolean')
      throw new ConfigurationError(`run of addTasks: expected true or false, got ${describe(run)}.`);
    if (
      typeof entries !== 'object' ||
      entries === null ||
      !(Symbol.iterator in entries || Symbol.asyncIterator in entries)
    ) {
      throw new ConfigurationError(
        `addTasks: expected an iterable or async iterable of tasks, got ${describe(entries)}.`,
      );
    }
    const flags = { run };
    // While a stream goes on, others may add: each part of it takes a turn of its own.
    const turn = Symbol.iterator in entries ? this.scope.turns.take(this.id) : undefined;
    let added = 0;
    let seen = 0;
    let chunk: PreparedEntry[] = [];
    let bytes = 0;
    const flush = async () => {
      if (chunk.length === 0) return;
      const full = chunk;
      chunk = [];
      bytes = 0;
      await turn?.come;
      const own = turn ? undefined : this.scope.turns.take(this.id);
      try {
        added += (await this.addPrepared(full, flags, added, own)).added;
      } finally {
        own?.pass();
      }
    };
    try {
      // An array may be changed while it is read.
      for await (const entry of Array.isArray(entries) ? [...(entries as TaskEntry[])] : entries) {
        const prepared = await prepare(this.scope, entry, this.asOwner(), `entries[${seen}]`);
        seen += 1;
        chunk.push(prepared);
        bytes += bytesOf(prepared.packed);
        if (chunk.length >= entriesPerScript || bytes >= bytesPerScript) await flush();
      }
      await flush();
    } catch (error) {
      await undo(this.scope, performance.now(), releaseAll(chunk));
      throw withAdded(error, added);
    } finally {
      turn?.pass();
    }
    return added;
  }

  watch(options: WatchOptions = {}): AsyncIterable<Progress> {
    refuseUnknown(options, new Set(['signal', 'intervalMs']), 'option of watch');
    checkSignal(options.signal);
    const intervalMs = wholeNumber('intervalMs', options.intervalMs, 1_000, { max: longestTimerMs });
    return iterable((signal) => this.readProgress(intervalMs, signal), options.signal);
  }

  private async *readProgress(intervalMs: number, signal: AbortSignal): AsyncGenerator<Progress, void, undefined> {
    let last = '';
    for (;;) {
      const snapshot = await this.stored.snapshot();
      const progress = progressOf(snapshot);
      const text = JSON.stringify(progress);
      if (text !== last) yield progress;
      last = text;
      if (isEnded(snapshot.status)) return;
      await this.scope.waiter.rest(intervalMs, signal);
    }
  }

  async update(config: SwarmConfig): Promise<void> {
    const { code, effects } = await this.scope.store.update(this.id, resolveChange(config));
    if (code === 'missing') throw this.stored.notFound();
    if (code === 'finished')
      throw new SwarmFinishedError(
        `The swarm "${this.name}" (${this.id}) has ended or is stopping; nothing is changed.`,
      );
    await publishFor(this.scope, this.id, effects);
  }

  suspend(): Promise<void> {
    return this.stored.suspend(true);
  }

  resume(): Promise<void> {
    return this.stored.suspend(false);
  }

  cancel(): Promise<void> {
    return this.stored.cancel();
  }

  remove(): Promise<void> {
    return this.stored.remove();
  }

  async closeSwarm(): Promise<void> {
    const { code, effects } = await this.scope.store.close(this.id);
    if (code === 'missing') throw this.stored.notFound();
    await publishFor(this.scope, this.id, effects);
  }

  retryCallbacks(): Promise<number> {
    return this.stored.retryCallbacks();
  }

  retryFailed(): Promise<number> {
    return this.stored.retryFailed();
  }

  /** How a group stores it as a callback: by value, closed with what it holds. @internal */
  async [toStored](what: string, identity: string): Promise<Spec> {
    this.ofStore(what, identity);
    return byValue(this.scope, swarmSpec(this.id, this.name), what);
  }

  /** @internal */
  async [reserve](owner: Owner, what: string, identity: string): Promise<Member> {
    const { store } = this.scope;
    const who = this.ofStore(what, identity);
    const belongs = (name: string, same: boolean) =>
      new ConfigurationError(
        `${who} belongs to "${name}" and can't be added ${same ? 'twice' : `to "${owner.name}"`}. Make another one.`,
      );
    if (this.owner) throw belongs(this.owner.name, this.owner.groupId === owner.groupId);
    this.owner = owner;
    const parent = { id: owner.groupId, name: owner.name };
    const { code, in: other, name } = await this.adoptedBy(parent);
    const refused = code === 'missing' || code === 'started' || (code === 'already-member' && !owner.mayAttach);
    if (refused) this.owner = undefined;
    if (code === 'missing') throw this.stored.notFound();
    if (code === 'already-member' && refused) throw belongs(owner.name, true);
    if (code === 'started' && other) throw belongs(name, false);
    if (code === 'started')
      throw new ConfigurationError(
        `${who} has been run by itself and can't be added to "${owner.name}". Make another one.`,
      );
    return {
      spec: swarmSpec(this.id, this.name),
      key: '',
      commit: async (index) => {
        await store.adopt(this.id, parent, String(index));
        // Suspended before, it is suspended as an item.
        if ((await this.stored.snapshot()).suspended) await this.suspend();
      },
      rollback: (gone) => {
        this.owner = undefined;
        // What was in there before stays.
        return code === 'adopted' ? this.leave(owner.groupId, gone) : Promise.resolve();
      },
    };
  }

  private async adoptedBy(parent: { id: string; name: string }) {
    try {
      await this.hasLeft();
      return await this.scope.store.adopt(this.id, parent);
    } catch (error) {
      this.owner = undefined;
      // An answer that was lost may have been that it is in there now.
      this.left ??= { groupId: parent.id, gone: false };
      throw error;
    }
  }

  /** Takes it out of a group that it was not taken by, which Redis may hear of only when it is next handed in, or run. */
  private async leave(groupId: string, gone: boolean | Promise<boolean>): Promise<void> {
    this.left = { groupId, gone };
    this.leaving = this.disown().catch(() => undefined);
    await this.leaving;
  }

  private async hasLeft(): Promise<void> {
    await this.leaving;
    await this.disown();
  }

  private async disown(): Promise<void> {
    const { left } = this;
    if (!left) return;
    await this.scope.store.disown(this.id, left.groupId, await left.gone);
    this.left = undefined;
  }

  /**
   * Adds some of the tasks that the swarm is made of, unless another maker of it has.
   * @returns the place of the task that is to be added next
   * @internal
   */
  async addAsPart(entries: readonly PreparedEntry[], flags: AddFlags & { place: number }): Promise<number> {
    const reply = await this.addPrepared(entries, flags, 0);
    return reply.moved ?? flags.place + entries.length;
  }

  /** Adds prepared entries in one script, when it is their turn. */
  private async addPrepared(entries: readonly PreparedEntry[], flags: AddFlags, before: number, turn?: Turn) {
    const { scope, id } = this;
    const root = capturingRoot(scope, this.madeIn);
    if (root && flags.run) await captureMadeSwarm(scope, root, id);
    if (turn) await turn.come;
    const began = performance.now();
    const items = entries.map(({ packed, key, spec }) => ({ spec: packed, key: key || this.identify(root, spec) }));
    const adding = scope.store.add(id, items, flags);
    // What is run at once is entered elsewhere first, before it is sent.
    if (!flags.run) turn?.pass();
    const reply = await adding.catch(async (error: unknown) => {
      await undo(scope, began, releaseAll(entries));
      throw error;
    });
    const what = `The swarm "${this.name}" (${id})`;
    if (reply.code === 'added') {
      const { indexes, added, effects, total } = reply;
      await placeAll(scope, id, entries.slice(0, indexes.length), indexes, total - added);
      if (root) publishBeside(root, scope, id, effects);
      else await publishFor(scope, id, effects);
      if (indexes.length === entries.length) return { indexes, added };
      await releaseAll(entries.slice(indexes.length));
      const took = before + added;
      throw new SwarmClosedError(
        `${what} is closed: it has its maxItems. ${took} entries of the call were added.`,
        took,
      );
    }
    await releaseAll(entries);
    if (reply.code === 'moved') return { indexes: [], added: 0, moved: reply.place };
    if (reply.code === 'missing') throw this.stored.notFound();
    if (reply.code === 'closed') throw new SwarmClosedError(`${what} is closed; nothing can be added.`, before);
    throw new SwarmFinishedError(`${what} has ended or is stopping; nothing can be added.`, before);
  }

  private async start(
    message: Record<string, unknown> | undefined,
    options: (RunOptions & WaitOptions) | undefined,
  ): Promise<void> {
    checkCallOptions(options);
    const encoded = encodeMessage(message ?? {}, `the message to the swarm "${this.name}"`);
    const runOptions = checkRunOptions(options, `the run of the swarm "${this.name}"`);
    if (this.left) await this.hasLeft();
    const root = capturingRoot(this.scope, this.madeIn);
    const { code, effects } =
      (root && (await root.begin(this.startCaptured(root, encoded, runOptions)))) ??
      (await this.startStored(encoded, runOptions));
    if (code === 'missing') throw this.stored.notFound();
    const attaches = this.keyed && (code === 'already-started' || code === 'finished');
    if (code === 'already-started' && !attaches) throw alreadyStarted(`The swarm "${this.name}"`);
    if (code === 'finished' && !attaches)
      throw new SwarmFinishedError(`The swarm "${this.name}" (${this.id}) has ended or is stopping; it can't be run.`);
    this.ran = true;
    this.scope.waiter.changed(this.id);
    if (!effects || attaches) return;
    this.scope.publisher.cache.started(this.id, effects.version, encoded, runOptions);
    await publishFor(this.scope, this.id, effects);
  }

  private async startStored(message: string, options: StoredRunOptions | undefined) {
    const { store, reader, waiter } = this.scope;
    const reply = await waiter.ends.startAndSubscribe(
      store.keys.state(this.id),
      (heardOn) => store.run(this.id, message, options ? JSON.stringify(options) : '', { heardOn }),
      ({ code }) => code === 'started',
    );
    if (reply.code !== 'nested') return reply;
    // It sits in another group: there it is an item like any other.
    const { groupId, entry } = reply.parent;
    const parent = await reader.record(groupId);
    if (entry === '' || !parent || parent.kind === 'chain') {
      throw new ConfigurationError(
        `The swarm "${this.name}" is part of ${parent ? `the ${parent.kind} "${parent.name}"` : groupId} and is run by it. Run that one.`,
      );
    }
    const { code, effects } = await store.runItem(groupId, Number(entry), packMessage(message, options));
    if (code === 'started') await publishFor(this.scope, groupId, effects);
    return { code, effects: undefined };
  }

  /** Becomes a child of the root in whose body it is run; undefined when it belongs to something else. */
  private async startCaptured(root: RootCapture, message: string, options: StoredRunOptions | undefined) {
    const { store } = this.scope;
    if (this.ran) return { code: 'already-started' as const, effects: undefined };
    await root.captured.get(this.id);
    const captured = await noteCapture(
      root,
      this.id,
      captureSwarm(this.scope, root, this, packMessage(message, options)),
    );
    if (!captured) return undefined;
    if (captured.added) return { code: 'started' as const, effects: undefined };
    // It is a child already: started by one of its items, or run by an earlier attempt of the body.
    const packed = options ? JSON.stringify(options) : '';
    const reply = await store.run(this.id, message, packed, { ready: true });
    const byEarlierAttempt = !this.ran && (reply.code === 'already-started' || reply.code === 'finished');
    return byEarlierAttempt ? { code: 'started' as const, effects: undefined } : reply;
  }

  /** What makes an item the same in each attempt of the root's body that fills the swarm it has made. */
  private identify(root: RootCapture | undefined, { group, id, task, data }: Spec): string {
    if (!root?.made.has(this.id)) return '';
    // What was made in the body as well has an id that says which it is; by what it holds it differs, as its steps have ids of their own.
    const known = group === 'swarm-ref' || (group === 'chain' && id !== undefined && isKeyed(id));
    return root.identify('item', this.id, known ? (id ?? '') : `${task} ${data ? canonical(data) : ''}`);
  }

  /** How it is called in an error. @throws ConfigurationError when another store's instance made it */
  private ofStore(what: string, identity: string): string {
    const who = `${what}: the swarm "${this.name}" (${this.id})`;
    if (this.scope.store.identity === identity) return who;
    throw new ConfigurationError(`${who} was made by another Mageflow, whose store this one doesn't share.`);
  }

  private asOwner(): Owner {
    const { madeIn } = this;
    const again = capturingRoot(this.scope, madeIn)?.made.has(this.id) ?? false;
    return { groupId: this.id, name: this.name, kind: 'swarm', mayAttach: again, madeIn };
  }

  /** What a stopped swarm cancelled without it ever having started, in order. @returns false when it is tried again meanwhile */
  private async *neverStarted(total: number, round: number): AsyncGenerator<ItemResult<O>, boolean, undefined> {
    const { reader, store } = this.scope;
    for (let from = 0; from < total; from += itemsPerRead) {
      const indexes = await reader.neverStarted(this.id, from, Math.min(total, from + itemsPerRead));
      const items = (await reader.ended(this.id, indexes)) as ItemResult<O>[];
      if ((await roundOf(store, this.id)) !== round) return false;
      yield* items;
    }
    return true;
  }
}

nameKindIn(TaskSwarm.prototype);
