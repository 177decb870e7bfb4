import { CancelledError, ConfigurationError, describe, NotFoundError } from '../config/errors';
import { canonical } from '../messages/canonical';
import { encodeMessage } from '../messages/json';
import { mergeMessages } from '../messages/merge';
import { newSecret } from '../store/group-store';
import { childrenId, isOfKey, itemId, keyedId, newId, parseInvocationId } from '../store/ids';
import {
  callbackIds,
  mergeRunOptions,
  packMessage,
  packSpec,
  parseMessage,
  templateGroup,
  displayName,
} from '../store/spec';
import type { Spec, StoredRunOptions } from '../store/spec';
import type { RootCapture } from '../worker/roots/root-capture';
import { carrySuspension, checkSuspendable, suspendedStep } from './suspend-before-run';
import { alreadyStarted, checkRunOptions, checkCallOptions, checkWaitOptions, type BoundSpec } from './binding';
import { capturingRoot, commandsFor, type Scope } from './scope';
import { captureMadeSwarm, rootIsOver } from './capture-swarm';
import { nameKindIn, wrongKind } from './other-kinds';
import { StoredEntry } from './stored-entry';
import { StoredGroup } from './stored-group';
import { byValue } from './templates';
import { afterThat } from './waiting';
import {
  reserve,
  toStored,
  type Handle,
  type Member,
  type Owner,
  type RunArguments,
  type RunOptions,
  type Signature,
  type SignatureStatus,
  type Swarm,
  type WaitOptions,
} from './types';

/** A signature of a task, a root task or a chain. It writes nothing until it is run or becomes part of a group. */
export class TaskSignature<I, O> implements Signature<I, O> {
  readonly kind: 'task' | 'root' | 'chain';
  private ownId: string;
  /** The group that it is an item of. */
  private group: (Owner & { index: number | undefined }) | undefined;
  private standalone = false;
  /** True if it was written only to suspend it, before it is run or becomes part of a group. */
  private suspendedBeforeRun = false;
  /** The number of calls that are writing its own run. */
  private starting = 0;
  /** True if it was loaded from a run of its own. Then `spec` has no key and, for a chain, no steps, callbacks or options. */
  private loaded = false;
  private made: boolean | undefined;
  /** True if this object was run in this attempt of the body that made it. */
  private ran = false;

  constructor(
    private readonly scope: Scope,
    private readonly spec: BoundSpec,
    id?: string,
    /** The root whose body made it. */
    private readonly madeIn?: RootCapture,
    /** True if it has a key. A run attaches to the first run of the key. */
    private readonly keyed = spec.key !== undefined,
  ) {
    this.kind = spec.group === 'root' || spec.group === 'chain' ? spec.group : 'task';
    this.ownId = id ?? (spec.key === undefined ? newId() : keyedId(this.kind === 'chain' ? 'chain' : 'task', spec.key));
  }

  get id(): string {
    // A key is unique only within its group: two swarms can each have an item with the same key.
    const { group, spec } = this;
    return group?.index !== undefined && spec.key !== undefined ? itemId(group.groupId, group.index) : this.ownId;
  }

  get name(): string {
    return displayName(this.spec);
  }

  get created(): boolean | undefined {
    return this.made;
  }

  /** @internal */
  get identity(): string {
    const { task, data = '{}', key } = this.spec;
    return this.kind === 'chain' ? `chain ${this.ownId}` : JSON.stringify([this.kind, task, canonical(data), key]);
  }

  async run(...args: RunArguments<I, RunOptions & WaitOptions>): Promise<O> {
    const [message, options] = args as unknown as [object | undefined, (RunOptions & WaitOptions) | undefined];
    const stored = await this.start(message, options);
    return stored.wait<O>(options);
  }

  async runNoWait(...args: RunArguments<I, RunOptions>): Promise<Handle<O>> {
    const [message, options] = args as unknown as [object | undefined, RunOptions | undefined];
    return (await this.start(message, options)).handle<O>();
  }

  async wait(options?: WaitOptions): Promise<O> {
    checkWaitOptions(options);
    const left = afterThat(this.scope.store.clock, options);
    const look = this.lookForRun();
    const found = (await look()) ?? (await this.scope.waiter.until(this.ownId, look, options));
    return found.wait<O>(left());
  }

  async status(): Promise<SignatureStatus> {
    const { groupId = '', status } = this.group ?? {};
    if (status && !(await this.scope.reader.snapshot(groupId))) return status();
    return (await this.find())?.status() ?? 'pending';
  }

  async cancel(): Promise<void> {
    const found = await this.find();
    if (!found) throw new NotFoundError(`${this.name} (${this.ownId}) has not been run: there is nothing to cancel.`);
    await found.cancel();
  }

  suspend(): Promise<void> {
    return this.setSuspended(true);
  }

  resume(): Promise<void> {
    return this.setSuspended(false);
  }

  async remove(): Promise<void> {
    const found = await this.find();
    if (found) return found.remove();
    const place = this.group?.name ?? (await this.scope.signatureIndex.find(this.ownId))?.groupId;
    if (place !== undefined)
      throw new ConfigurationError(
        `${this.name} (${this.ownId}) belongs to ${describe(place)} and is removed with it. Remove that group instead.`,
      );
  }

  async retryCallbacks(): Promise<number> {
    const found = await this.find();
    if (!found) throw new NotFoundError(`${this.name} (${this.ownId}) has not been run: no callback of it has failed.`);
    return found.retryCallbacks();
  }

  /** @internal - of a chain */
  async retryFailed(options?: unknown): Promise<number> {
    const found = await this.find();
    if (this.kind === 'chain' && options !== undefined)
      throw new ConfigurationError(
        `retryFailed: ${this.name} (${this.ownId}) is a chain, which continues at its failed step and takes no options, got ${describe(options)}.`,
      );
    if (found instanceof StoredGroup) return found.retryFailed();
    if (this.kind !== 'chain') throw wrongKind(this, 'retryFailed');
    if (found)
      throw new ConfigurationError(
        `retryFailed: ${this.name} (${this.ownId}) belongs to another group. Call retryFailed() of the outermost group.`,
      );
    throw new NotFoundError(`${this.name} (${this.ownId}) has not been run: there is nothing to retry.`);
  }

  /** Returns the internal swarm of a root, also before its body has begun. @throws NotFoundError when it was never run */
  async children(): Promise<Swarm<unknown>> {
    const found = await this.find();
    const id = found instanceof StoredEntry ? childrenId(found.groupId, found.entry) : undefined;
    // For a task that was signed by its name, only its worker can decide whether it is a root.
    if (this.kind !== 'root' && !(id && (await this.scope.reader.snapshot(id)))) throw wrongKind(this, 'children');
    if (!(found instanceof StoredEntry && id))
      throw new NotFoundError(`${this.name} (${this.ownId}) has not been run: it has no children.`);
    return this.scope.openSwarm(id, `root-swarm:${this.spec.task}`, found);
  }

  /** Returns the form in which a group stores it as a callback, by value. @internal */
  [toStored](what: string, store: string): Promise<Spec> {
    this.ofStore(what, store);
    return byValue(this.scope, this.stored(), what);
  }

  /** @internal */
  async [reserve](owner: Owner, what: string, store: string): Promise<Member> {
    this.reserve(owner, what, store);
    try {
      if (owner.kind === 'chain' && this.suspendedBeforeRun && (await this.alone().status()) === 'suspended')
        throw suspendedStep(what, { id: this.ownId, name: this.name }, owner.name);
    } catch (error) {
      this.group = undefined;
      throw error;
    }
    const place = async (index: number, isNew: boolean) => {
      this.group = { ...owner, index };
      this.made = isNew;
      this.scope.waiter.changed(this.ownId);
      await this.carrySuspension(owner.groupId, index);
    };
    const release = () => {
      this.group = undefined;
      return Promise.resolve();
    };
    return { spec: this.stored(), key: this.spec.key ?? '', commit: place, rollback: release };
  }

  /** Returns the signature of a run of its own, stored under its id. @internal */
  static standalone<I, O>(scope: Scope, id: string, spec: Spec): TaskSignature<I, O> {
    const signature = new TaskSignature<I, O>(scope, spec, id, undefined, isOfKey(id));
    signature.standalone = true;
    signature.loaded = true;
    return signature;
  }

  /**
   * Returns the signature of a stored item.
   * @param added - for an item that was just added: whether it has a key, and whether it is new
   * @internal
   */
  static item<I, O>(
    scope: Scope,
    owner: Owner,
    { index, spec }: { index: number; spec: Spec },
    added: { keyed?: boolean; isNew?: boolean } = {},
  ): TaskSignature<I, O> {
    const id = spec.id ?? itemId(owner.groupId, index);
    const signature = new TaskSignature<I, O>(scope, spec, id, owner.madeIn, added.keyed);
    signature.group = { ...owner, index };
    signature.made = added.isNew;
    return signature;
  }

  /**
   * Finds it in the store: in a group, by itself, or (a callback) in its latest invocation. Undefined when it is not stored.
   */
  private async find(): Promise<StoredEntry | StoredGroup | undefined> {
    const { signatureIndex, reader } = this.scope;
    // While its run is being written, a missing group does not mean that it has expired.
    if (this.starting > 0 && !(await reader.snapshot(this.ownId))) return undefined;
    if (this.group?.index !== undefined || this.standalone || this.suspendedBeforeRun) return this.at();
    const firing = parseInvocationId(this.ownId);
    if (firing) return this.entryAt(firing.groupId, firing.entry);
    const location = await signatureIndex.find(this.ownId);
    if (location?.index === undefined && location) {
      const fired = await reader.latestInvocation(location.groupId, this.ownId);
      return fired === undefined ? undefined : this.entryAt(location.groupId, fired);
    }
    const known = this.spec.key !== undefined && (await reader.snapshot(this.ownId));
    return known ? this.alone() : undefined;
  }

  /** Returns a function that finds it once it was run, or is part of a group that will run it. Undefined until then. */
  private lookForRun(): () => Promise<StoredEntry | StoredGroup | undefined> {
    const { reader, signatureIndex } = this.scope;
    let parent: string | undefined;
    return async () => {
      const { groupId = '', status } = this.group ?? {};
      if (status && !(await reader.snapshot(groupId))) return this.lookForStep(groupId, status);
      const found = await this.find();
      if (found) return found;
      // A callback that was never invoked expires with the group that it is attached to.
      const location = await signatureIndex.find(this.ownId);
      const known = location && (await reader.snapshot(location.groupId));
      if (parent !== undefined && !known)
        throw new NotFoundError(
          `${this.name} (${this.ownId}) is not stored any more: the retention of ${parent} has passed.`,
        );
      if (known) parent = location.groupId;
      return undefined;
    };
  }

  /** Finds a step of a chain that was not stored a moment ago. */
  private async lookForStep(chain: string, status: () => Promise<SignatureStatus>) {
    const ended = await status();
    if (await this.scope.reader.snapshot(chain)) return this.at();
    if (ended === 'cancelled') throw new CancelledError(`${this.name} was cancelled before it started.`);
    if (ended === 'succeeded' || ended === 'failed')
      throw new NotFoundError(
        `${this.name} (${this.ownId}) can't be found: its chain (${chain}) is not stored under its own id.`,
      );
    return undefined;
  }

  /** Reserves it for a group. This happens before the first await, so that only one of two groups gets it. */
  private reserve(owner: Owner, what: string, store: string): void {
    const { groupId, name } = owner;
    this.ofStore(what, store);
    if (this.group) {
      const again = this.group.groupId === groupId ? 'twice' : `to "${name}"`;
      throw new ConfigurationError(
        `${what}: the signature ${this.name} (${this.ownId}) belongs to "${this.group.name}" and can't be added ${again}. Sign the task again.`,
      );
    }
    if (this.standalone)
      throw new ConfigurationError(
        `${what}: the signature ${this.name} (${this.ownId}) has been run by itself. Sign the task again.`,
      );
    this.group = { ...owner, index: undefined };
  }

  private async start(
    message: object | undefined,
    options: (RunOptions & WaitOptions) | undefined,
  ): Promise<StoredEntry | StoredGroup> {
    checkCallOptions(options);
    const encoded = encodeMessage(message ?? {}, `the message to ${this.name}`);
    const runOptions = checkRunOptions(options, `the run of ${this.name}`);
    const root = capturingRoot(this.scope, this.madeIn ?? this.group?.madeIn);
    if (this.group) {
      const started = this.startItem(encoded, runOptions, root);
      return root ? root.begin(started) : started;
    }
    // It was run by itself already, or was written to suspend it and loaded since.
    if (this.standalone && (this.loaded || !this.keyed)) {
      if (!(await this.startWritten(encoded, runOptions)))
        throw new NotFoundError(`${this.name} (${this.ownId}) is not stored any more: its retention has passed.`);
      return this.alone();
    }
    if (root && !this.standalone) return root.begin(this.startCaptured(root, encoded, runOptions));
    const before = this.standalone;
    // Set before the first await, so that only one of two concurrent calls runs it.
    this.standalone = true;
    this.starting += 1;
    try {
      await this.startAlone(encoded, runOptions);
      this.standalone = true;
    } catch (error) {
      this.standalone = before;
      throw error;
    } finally {
      this.starting -= 1;
      this.scope.waiter.changed(this.ownId);
    }
    return this.alone();
  }

  private async startAlone(message: string, options: StoredRunOptions | undefined): Promise<void> {
    for (;;) {
      if (!this.suspendedBeforeRun && (await this.write(options, { message }))) return;
      if (await this.startWritten(message, options)) return;
      // The group of this key has expired meanwhile.
      this.suspendedBeforeRun = false;
    }
  }

  /**
   * Writes it as a group of its own, and starts it if `run` is given.
   * @returns false when another call has written it
   */
  private async write(options?: StoredRunOptions, run?: { message: string }): Promise<boolean> {
    const { key: _key, ...spec } = this.spec;
    const { items, ...group } =
      this.kind === 'chain' ? { kind: 'chain' as const, ...templateGroup(spec, undefined) } : taskGroup(spec);
    const runOptions = options ? { runOptions: JSON.stringify(options) } : {};
    const made = { id: this.ownId, name: this.name, secret: newSecret(), closed: true, ...group, ...runOptions };
    const { store, waiter, commands, cache, signatureIndex } = this.scope;
    const { created, started } = await waiter.ends.startAndSubscribe(
      store.keys.state(this.ownId),
      (endChannel) =>
        commands.createInParts(made, items, run && { ...run, endChannel }, async (stored) => {
          if (stored.created) this.made = true;
          if (!stored.created && !stored.started) return;
          cache.made(made, stored.effects.version, run?.message);
          await signatureIndex.record(
            this.ownId,
            callbackIds(spec).map((id) => ({ id, ...(this.kind === 'chain' ? {} : { callbackOf: 0 }) })),
          );
        }),
      (reply) => reply.started,
    );
    return created || started;
  }

  /**
   * Starts a group that was written before in order to suspend it. With a key it attaches to a started group.
   * @returns false when there is no group with its id
   * @throws AlreadyStartedError without a key
   */
  private async startWritten(message: string, options: StoredRunOptions | undefined): Promise<boolean> {
    const { keyed, ownId } = this;
    const known = await this.scope.reader.snapshot(ownId);
    const reply = known?.status === 'pending' ? await this.scope.commands.run(ownId, message, { options }) : undefined;
    const isStarted = reply?.code === 'started';
    if (!isStarted && !keyed) throw alreadyStarted(this.name);
    if (!known || reply?.code === 'missing') return false;
    this.made ??= false;
    return true;
  }

  private async setSuspended(suspended: boolean): Promise<void> {
    await checkSuspendable(this.scope, { id: this.ownId, name: this.name }, this.group);
    const found = await this.find();
    if (found) return found.suspend(suspended);
    // Without a run and a suspension there is nothing to resume.
    if (!suspended || this.group) return;
    await this.write();
    this.suspendedBeforeRun = true;
    await this.alone().suspend(true);
  }

  private async carrySuspension(groupId: string, index: number, written = this.ownId): Promise<void> {
    if (!this.suspendedBeforeRun) return;
    this.suspendedBeforeRun = false;
    await carrySuspension(this.scope, written, groupId, String(index));
  }

  /** Makes it a child of the root whose body runs it, or finds the child that an earlier attempt has run. */
  private async startCaptured(root: RootCapture, message: string, options: StoredRunOptions | undefined) {
    const { key } = this.spec;
    const owner: Owner = { groupId: root.groupId, name: root.name, kind: 'root' };
    this.reserve(owner, 'run', this.scope.store.identity);
    const spec = this.stored();
    // The id of a chain is the same in each attempt already.
    const identity = key ?? (this.kind === 'chain' ? `\u0001${this.ownId}` : identify(root, this.kind, spec, message));
    const item = childItem(spec, message, options);
    const { suspendedBeforeRun: suspendedBefore, ownId: written } = this;
    const commands = commandsFor(this.scope, root);
    const placed = async ({ indexes: [index = 0], added }: { indexes: number[]; added: number }) => {
      this.group = { ...owner, index };
      this.ran = true;
      this.made = added > 0;
      this.scope.waiter.changed(written);
      if (added === 0) this.ownId = itemId(root.groupId, index);
      else await this.scope.signatureIndex.recordItems(root.groupId, [{ spec, index }]);
    };
    const reply = await commands
      .add(root.groupId, [{ ...item, key: identity }], { run: !suspendedBefore }, placed)
      .catch((error: unknown) => {
        if (this.group?.index === undefined) this.group = undefined;
        throw error;
      });
    if (reply.code !== 'added') {
      this.group = undefined;
      throw rootIsOver(this.name, root);
    }
    if (suspendedBefore) {
      const [index = 0] = reply.indexes;
      await this.carrySuspension(root.groupId, index, written);
      await commands.runItem(root.groupId, index, '{}');
    }
    return this.at();
  }

  private async startItem(message: string, options: StoredRunOptions | undefined, root: RootCapture | undefined) {
    const { groupId = '', index, name, kind } = this.group ?? {};
    if (index === undefined)
      throw new ConfigurationError(`${this.name} is still being added to "${name}"; await that first.`);
    if (kind === 'chain')
      throw new ConfigurationError(`${this.name} is a step of the chain "${name}" and is run by it. Run the chain.`);
    if (root) await captureMadeSwarm(this.scope, root, groupId);
    const commands = commandsFor(this.scope, root);
    const { code } = await commands.runItem(groupId, index, packMessage(message, options));
    if (code === 'missing')
      throw new NotFoundError(
        `The swarm of ${this.name} (${groupId}) is not stored any more: its retention has passed.`,
      );
    // A later attempt of a root's body runs the items that an earlier attempt has run.
    const byEarlierAttempt = root?.made.has(groupId) && !this.ran;
    if (code === 'already-started' && !byEarlierAttempt && !this.keyed) throw alreadyStarted(this.name);
    this.ran = true;
    return this.at();
  }

  private at(): StoredEntry | StoredGroup {
    const { group } = this;
    return group?.index === undefined ? this.alone() : this.entryAt(group.groupId, String(group.index), group.index);
  }

  private alone(): StoredEntry | StoredGroup {
    return this.kind === 'chain'
      ? new StoredGroup(this.scope, this.ownId, 'chain', this.name)
      : this.entryAt(this.ownId, '0', undefined, true);
  }

  private entryAt(groupId: string, entry: string, index?: number, alone = false): StoredEntry {
    return new StoredEntry(this.scope, groupId, entry, {
      id: this.id,
      name: this.name,
      isGroup: this.kind === 'chain',
      alone,
      ...(index === undefined ? {} : { index }),
    });
  }

  /** Returns the spec that a group stores. It has no id when it has a key, because a key is unique only within a group. */
  private stored(): Spec {
    const { key, ...spec } = this.spec;
    return key === undefined ? { ...spec, id: this.ownId } : spec;
  }

  private ofStore(what: string, store: string): void {
    if (this.scope.store.identity !== store) {
      throw new ConfigurationError(
        `${what}: the signature ${this.name} (${this.ownId}) was made by another Mageflow with a different store (Redis, keyPrefix, tenant or namespace). Sign the task with this one.`,
      );
    }
  }
}

nameKindIn(TaskSignature.prototype);

/**
 * Returns the stored form of a child of a root: a task with its message merged under its bound data, a chain together
 * with its message.
 */
function childItem(spec: Spec, message: string, options: StoredRunOptions | undefined) {
  if (spec.group === 'chain') return { spec: packSpec(spec), message: packMessage(message, options) };
  const merged = mergeRunOptions(spec.options, options);
  const data = JSON.stringify(mergeMessages(parseMessage(message), parseMessage(spec.data)));
  return { spec: packSpec({ ...spec, data, ...(merged ? { options: merged } : {}) }), message: '' };
}

/** Returns the identity of a task as a child, which is the same in each attempt of its root's body. */
function identify(root: RootCapture, kind: string, spec: Spec, message: string): string {
  return root.identify(kind, spec.task, canonical(spec.data ?? '{}'), canonical(message));
}

function taskGroup(spec: Spec) {
  return {
    kind: 'task' as const,
    maxConcurrency: 1,
    successCallbacks: [],
    errorCallbacks: [],
    items: [packSpec(spec)],
    ...(spec.labels ? { labels: spec.labels } : {}),
    ...(spec.retention ? { retention: spec.retention } : {}),
  };
}
