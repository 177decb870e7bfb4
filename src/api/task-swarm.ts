import { ConfigurationError, SwarmClosedError, SwarmFinishedError, describe, withAdded } from '../config/errors';
import { longestTimerMs } from '../utils/timeout';
import { canonical } from '../messages/canonical';
import { bytesOf, encodeMessage } from '../messages/json';
import { refuseUnknown, trueOrFalse, wholeNumber } from '../config/options';
import { resolveChange, type SwarmConfig } from '../config/swarm-config';
import type { Snapshot } from '../store/group-reader';
import type { AddFlags } from '../store/group-store';
import { isKeyed, isOfKey } from '../store/ids';
import { packMessage, unpackSpec, type Spec, type StoredRunOptions } from '../store/spec';
import type { RootCapture } from '../worker/roots/root-capture';
import { alreadyStarted, checkRunOptions, checkCallOptions, checkSignal, checkWaitOptions } from './binding';
import { PartCollector } from '../utils/in-parts';
import { perScript, placeAll, prepare, releaseAll, undo, type PreparedEntry } from './entries';
import { iterable } from '../utils/iterable';
import { captureMadeSwarm, captureSwarm, noteCapture, swarmSpec } from './capture-swarm';
import { followProgress, followResults, itemsPerRead, type Followed } from './group-feed';
import { nameKindIn } from './other-kinds';
import { readRetryFilter } from './retry-filter';
import { capturingRoot, commandsFor, type Scope } from './scope';
import { StoredEntry } from './stored-entry';
import { readProgress, StoredGroup } from './stored-group';
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
  type RetryFailedOptions,
  type RunOptions,
  type SignatureStatus,
  type SignOptions,
  type Swarm,
  type TaskEntry,
  type TaskLike,
  type WaitOptions,
  type WatchOptions,
} from './types';

interface AboutSwarm {
  /** Returns its snapshot before it exists, for a swarm that another group creates. */
  before?: () => Promise<Snapshot | undefined>;
  /** The root in whose body it was made. */
  madeIn?: RootCapture | undefined;
  /** True if it has a key. Default: read from its id. */
  keyed?: boolean;
  /** True if this call made it, false if it found it. */
  created?: boolean;
}

/** A swarm in the store. Every method reads Redis, so all processes see the same state. */
export class TaskSwarm<O> implements Swarm<O> {
  readonly kind = 'swarm';
  private readonly stored: StoredGroup;
  /** The group that it was passed to. */
  private owner: Owner | undefined;
  /**
   * A group that it was passed to and that did not store it, as long as Redis may still name that group as its parent; and
   * whether that group does not exist.
   */
  private left: { groupId: string; gone: boolean | Promise<boolean> } | undefined;
  private leaving: Promise<void> = Promise.resolve();
  /** True if this object was run in this attempt of the body that made it. */
  private ran = false;
  /** The root in whose body it was made. */
  private readonly madeIn: RootCapture | undefined;
  /** True if it has a key. A run attaches to the first run of the key. */
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
    const left = afterThat(this.scope.store.clock, options);
    const look = async () => ((await this.stored.status()) === 'pending' ? this.firing() : this.stored);
    const found = (await look()) ?? (await this.scope.waiter.until(this.id, look, options));
    return found.wait<O[]>(left());
  }

  async status(): Promise<SignatureStatus> {
    const status = await this.stored.status();
    return status === 'pending' ? ((await this.firing())?.status() ?? status) : status;
  }

  /** As a callback it is a template, so its state is that of its latest invocation. */
  private async firing(): Promise<StoredEntry | undefined> {
    const location = await this.scope.signatureIndex.find(this.id);
    if (!location || location.index !== undefined) return undefined;
    const { groupId } = location;
    const fired = await this.scope.reader.latestInvocation(groupId, this.id);
    return fired === undefined ? undefined : new StoredEntry(this.scope, groupId, fired, this);
  }

  async progress(): Promise<Progress> {
    return readProgress(this.scope.reader, this.id, await this.stored.snapshot());
  }

  results(options: ResultsOptions = {}): AsyncIterable<ItemResult<O>> {
    refuseUnknown(options, new Set(['signal']), 'option of results');
    checkSignal(options.signal);
    return iterable(
      (signal) => followResults(this.scope, this.followed, signal) as AsyncGenerator<ItemResult<O>, void, undefined>,
      options.signal,
    );
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
    return TaskSignature.item(
      this.scope,
      this.asOwner(),
      { index, spec: unpackSpec(entry.packed) },
      about,
    ) as unknown as ItemOf<T>;
  }

  async addTasks(
    entries: Iterable<TaskEntry> | AsyncIterable<TaskEntry>,
    options: { run?: boolean | undefined } = {},
  ): Promise<number> {
    refuseUnknown(options, new Set(['run']), 'option of addTasks');
    const { run = false } = options;
    trueOrFalse('run of addTasks', run);
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
    // Other calls may add items while a stream is read, so each batch of it takes a turn of its own.
    const turn = Symbol.iterator in entries ? this.scope.turns.take(this.id) : undefined;
    let added = 0;
    let seen = 0;
    const parts = new PartCollector<PreparedEntry>(perScript, ({ packed }) => bytesOf(packed));
    const addPart = async (part: readonly PreparedEntry[]) => {
      await turn?.come;
      const own = turn ? undefined : this.scope.turns.take(this.id);
      try {
        added += (await this.addPrepared(part, flags, added, own)).added;
      } finally {
        own?.pass();
      }
    };
    try {
      // The copy keeps the entries, because the caller may change an array meanwhile.
      for await (const entry of Array.isArray(entries)
        ? [...(entries as TaskEntry[])]
        : (entries as AsyncIterable<TaskEntry>)) {
        const prepared = await prepare(this.scope, entry, this.asOwner(), `entries[${seen}]`);
        seen += 1;
        const complete = parts.add(prepared);
        if (complete) await addPart(complete);
      }
      const rest = parts.take();
      if (rest.length > 0) await addPart(rest);
    } catch (error) {
      await undo(this.scope, this.scope.store.clock.elapsed(), releaseAll(parts.take()));
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
    return iterable((signal) => followProgress(this.scope, this.followed, intervalMs, signal), options.signal);
  }

  private get followed(): Followed {
    return { id: this.id, snapshot: () => this.stored.snapshot() };
  }

  async update(config: SwarmConfig): Promise<void> {
    const { code } = await this.scope.commands.update(this.id, resolveChange(config));
    if (code === 'missing') throw this.stored.notFound();
    if (code === 'finished')
      throw new SwarmFinishedError(
        `The swarm "${this.name}" (${this.id}) has ended or is stopping, so its configuration can't change.`,
      );
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
    const { code } = await this.scope.commands.close(this.id);
    if (code === 'missing') throw this.stored.notFound();
  }

  retryCallbacks(): Promise<number> {
    return this.stored.retryCallbacks();
  }

  async retryFailed(options?: RetryFailedOptions): Promise<number> {
    return this.stored.retryFailed(readRetryFilter(this.scope, options));
  }

  /** Returns the form in which a group stores it as a callback: by value, closed, with its items. @internal */
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
        `${who} belongs to "${name}" and can't be added ${same ? 'twice' : `to "${owner.name}"`}. Create another one.`,
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
        `${who} has been run by itself and can't be added to "${owner.name}". Create another one.`,
      );
    return {
      spec: swarmSpec(this.id, this.name),
      key: '',
      commit: async (index) => {
        await store.adopt(this.id, parent, String(index));
        // A swarm that was suspended before is suspended as an item.
        if ((await this.stored.snapshot()).suspended) await this.suspend();
      },
      rollback: (gone) => {
        this.owner = undefined;
        // A swarm that was in the group before stays there.
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
      // The lost reply may have been that the group has stored it.
      this.left ??= { groupId: parent.id, gone: false };
      throw error;
    }
  }

  /** Releases it from a group that did not store it. If Redis is unavailable now, the next use of the swarm repeats this. */
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
   * Adds some of the swarm's first items, unless another call that makes the same swarm has added them.
   * @returns the place of the item to add next
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
    const began = this.scope.store.clock.elapsed();
    const items = entries.map(({ packed, key, spec }) => ({ spec: packed, key: key || this.identify(root, spec) }));
    let stored = false;
    const adding = commandsFor(scope, root).add(id, items, flags, ({ indexes, added, total }) => {
      stored = true;
      return placeAll(scope, id, entries.slice(0, indexes.length), { indexes, firstNew: total - added });
    });
    // Without `run` the script has been sent by now. With `run` the group is first entered elsewhere, so the turn is kept.
    if (!flags.run) turn?.pass();
    const reply = await adding.catch(async (error: unknown) => {
      if (!stored) await undo(scope, began, releaseAll(entries));
      throw error;
    });
    const what = `The swarm "${this.name}" (${id})`;
    if (reply.code === 'added') {
      const { indexes, added } = reply;
      if (indexes.length === entries.length) return { indexes, added };
      await releaseAll(entries.slice(indexes.length));
      const took = before + added;
      throw new SwarmClosedError(
        `${what} is closed: it has reached maxItems. ${took} entries of the call were added.`,
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
    const { code } =
      (root && (await root.begin(this.startCaptured(root, encoded, runOptions)))) ??
      (await this.startStored(encoded, runOptions));
    if (code === 'missing') throw this.stored.notFound();
    const attaches = this.keyed && (code === 'already-started' || code === 'finished');
    if (code === 'already-started' && !attaches) throw alreadyStarted(`The swarm "${this.name}"`);
    if (code === 'finished' && !attaches)
      throw new SwarmFinishedError(`The swarm "${this.name}" (${this.id}) has ended or is stopping; it can't be run.`);
    this.ran = true;
    this.scope.waiter.changed(this.id);
  }

  /** Runs it as a group of its own. */
  private startStoredAs(
    message: string,
    options: StoredRunOptions | undefined,
    how: { ready?: boolean; endChannel?: string | undefined },
  ) {
    const { commands, cache, waiter } = this.scope;
    return commands.run(this.id, message, { ...how, options }, ({ code, effects }) => {
      if (code !== 'started') return;
      cache.started(this.id, effects.version, message, options);
      // Its effects may take a while, and it has started already.
      this.ran = true;
      waiter.changed(this.id);
    });
  }

  private async startStored(message: string, options: StoredRunOptions | undefined) {
    const { store, reader, waiter, commands } = this.scope;
    const reply = await waiter.ends.startAndSubscribe(
      store.keys.state(this.id),
      (endChannel) => this.startStoredAs(message, options, { endChannel }),
      ({ code }) => code === 'started',
    );
    if (reply.code !== 'nested') return reply;
    // A nested swarm runs like any other item of its group.
    const { groupId, entry } = reply.parent;
    const parent = await reader.record(groupId);
    if (entry === '' || !parent || parent.kind === 'chain') {
      throw new ConfigurationError(
        `The swarm "${this.name}" is part of ${parent ? `the ${parent.kind} "${parent.name}"` : groupId} and is run by it. Run that group instead.`,
      );
    }
    return commands.runItem(groupId, Number(entry), packMessage(message, options));
  }

  /** Makes it a child of the root whose body runs it. Returns undefined when it belongs to another group. */
  private async startCaptured(root: RootCapture, message: string, options: StoredRunOptions | undefined) {
    if (this.ran) return { code: 'already-started' as const };
    await root.captured.get(this.id);
    const captured = await noteCapture(
      root,
      this.id,
      captureSwarm(this.scope, root, this, packMessage(message, options)),
    );
    if (!captured) return undefined;
    if (captured.added) return { code: 'started' as const };
    // It is a child already: one of its items has started it, or an earlier attempt of the body has run it.
    const reply = await this.startStoredAs(message, options, { ready: true });
    const byEarlierAttempt = !this.ran && (reply.code === 'already-started' || reply.code === 'finished');
    return byEarlierAttempt ? { code: 'started' as const } : reply;
  }

  /**
   * Returns the identity of an item, which is the same in each attempt of the root's body that fills a swarm it has made.
   */
  private identify(root: RootCapture | undefined, { group, id, task, data }: Spec): string {
    if (!root?.made.has(this.id)) return '';
    // Groups made in this body are identified by their ids: their steps get new ids in each attempt, so their contents differ.
    const known = group === 'swarm-ref' || (group === 'chain' && id !== undefined && isKeyed(id));
    return root.identify('item', this.id, known ? (id ?? '') : `${task} ${data ? canonical(data) : ''}`);
  }

  /** Returns its description for an error. @throws ConfigurationError when an instance of another store made it */
  private ofStore(what: string, identity: string): string {
    const who = `${what}: the swarm "${this.name}" (${this.id})`;
    if (this.scope.store.identity === identity) return who;
    throw new ConfigurationError(
      `${who} was made by another Mageflow with a different store (Redis, keyPrefix, tenant or namespace).`,
    );
  }

  private asOwner(): Owner {
    const { madeIn } = this;
    const again = capturingRoot(this.scope, madeIn)?.made.has(this.id) ?? false;
    return { groupId: this.id, name: this.name, kind: 'swarm', mayAttach: again, madeIn };
  }
}

nameKindIn(TaskSwarm.prototype);
