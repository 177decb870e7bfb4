import { ConfigurationError, NotFoundError } from '../errors';
import { encodeMessage } from '../messages/json';
import { newSecret } from '../store/group-store';
import { itemId, keyedId, newId, parseFiringId } from '../store/ids';
import { mergeRunOptions, packMessage, packSpec, unpackSpec, type Spec } from '../store/spec';
import { alreadyStarted, checkRunOptions, refuseUnknownRunOptions } from './binding';
import { publishFor, type Scope } from './scope';
import { StoredEntry } from './stored-entry';
import {
  template,
  type Handle,
  type RunArguments,
  type RunOptions,
  type Signature,
  type SignatureStatus,
  type WaitOptions,
} from './types';

/** A task with what is bound to it. It writes nothing until it is run, or becomes part of something. */
export class TaskSignature<I, O> implements Signature<I, O> {
  readonly kind = 'task';
  private readonly ownId: string;
  /** The swarm that it is an item of. */
  private swarm: { groupId: string; name: string; index: number | undefined } | undefined;
  private standalone = false;

  constructor(
    private readonly scope: Scope,
    private readonly spec: Spec & { key?: string },
    id?: string,
  ) {
    this.ownId = id ?? (spec.key === undefined ? newId() : keyedId('task', spec.key));
  }

  get id(): string {
    // A key is an identity within its group: two swarms can each have an item of one key.
    const { swarm, spec } = this;
    return swarm?.index !== undefined && spec.key !== undefined ? itemId(swarm.groupId, swarm.index) : this.ownId;
  }

  get name(): string {
    return this.spec.name ?? this.spec.task;
  }

  async run(...args: RunArguments<I, RunOptions & WaitOptions>): Promise<O> {
    const [message, options] = args as unknown as [object | undefined, (RunOptions & WaitOptions) | undefined];
    const entry = await this.start(message, options);
    const { timeoutMs, signal } = options ?? {};
    return entry.wait<O>({ ...(timeoutMs === undefined ? {} : { timeoutMs }), ...(signal ? { signal } : {}) });
  }

  async runNoWait(...args: RunArguments<I, RunOptions>): Promise<Handle<O>> {
    const [message, options] = args as unknown as [object | undefined, RunOptions | undefined];
    return (await this.start(message, options)).handle<O>();
  }

  async status(): Promise<SignatureStatus> {
    if (this.swarm?.index !== undefined || this.standalone) return this.entry().status();
    const firing = parseFiringId(this.ownId);
    if (firing) return this.entryAt(firing.groupId, firing.entry).status();
    const location = await this.scope.locations.find(this.ownId);
    if (location?.index === undefined && location) {
      const fired = await this.scope.reader.latestFiring(location.groupId, this.ownId);
      return fired ? this.entryAt(location.groupId, fired).status() : 'pending';
    }
    const state = this.spec.key === undefined ? undefined : await this.scope.reader.itemState(this.ownId, 0);
    return state ? this.entryAt(this.ownId, '0').status() : 'pending';
  }

  /** How a group stores it. @internal */
  [template](what: string, store: string): Spec {
    this.ofStore(what, store);
    const { key, ...spec } = this.spec;
    return key === undefined ? { ...spec, id: this.ownId } : spec;
  }

  /**
   * Hands itself over to a swarm, which may fail to take it: then `release` it.
   * @throws ConfigurationError when it is, or has been, part of something else
   * @internal
   */
  reserve(groupId: string, name: string, what: string, store: string): { spec: Spec; key: string } {
    this.ofStore(what, store);
    if (this.swarm) {
      const again = this.swarm.groupId === groupId ? 'twice' : `and to "${name}"`;
      throw new ConfigurationError(
        `${what}: the signature ${this.name} (${this.ownId}) belongs to "${this.swarm.name}" and can't be added ${again}. Sign the task again.`,
      );
    }
    if (this.standalone)
      throw new ConfigurationError(
        `${what}: the signature ${this.name} (${this.ownId}) has been run by itself. Sign the task again.`,
      );
    this.swarm = { groupId, name, index: undefined };
    const { key, ...spec } = this.spec;
    return { spec: key === undefined ? { ...spec, id: this.ownId } : spec, key: key ?? '' };
  }

  /** @internal */
  place(index: number): void {
    if (this.swarm) this.swarm.index = index;
  }

  /** @internal */
  release(): void {
    this.swarm = undefined;
  }

  /** The signature of a run of its own, stored under its id. @internal */
  static standalone<I, O>(scope: Scope, id: string, packed: string): TaskSignature<I, O> {
    const signature = new TaskSignature<I, O>(scope, unpackSpec(packed), id);
    signature.standalone = true;
    return signature;
  }

  /** The signature of a stored item. @internal */
  static item<I, O>(scope: Scope, groupId: string, name: string, index: number, packed: string): TaskSignature<I, O> {
    const spec = unpackSpec(packed);
    const signature = new TaskSignature<I, O>(scope, spec, spec.id ?? itemId(groupId, index));
    signature.swarm = { groupId, name, index };
    return signature;
  }

  private async start(message: object | undefined, options: RunOptions | undefined): Promise<StoredEntry> {
    refuseUnknownRunOptions(options);
    const encoded = encodeMessage(message ?? {}, `the message to ${this.name}`);
    const runOptions = checkRunOptions(options, `the run of ${this.name}`);
    if (this.swarm) return this.startItem(encoded, runOptions);
    if (this.standalone) throw alreadyStarted(this.name);
    // Set before anything is awaited, so that of two calls at once only one runs it.
    this.standalone = true;
    try {
      await this.startAlone(encoded, runOptions);
    } catch (error) {
      this.standalone = false;
      throw error;
    }
    return this.entry();
  }

  private async startAlone(message: string, options: ReturnType<typeof checkRunOptions>): Promise<void> {
    const { key: _key, ...spec } = this.spec;
    const merged = mergeRunOptions(spec.options, options);
    if (merged) spec.options = merged;
    const group = {
      id: this.ownId,
      kind: 'task' as const,
      name: this.name,
      secret: newSecret(),
      closed: true,
      maxConcurrency: 1,
      stopAfterNFailures: null,
      keepResults: true,
      successCallbacks: [],
      errorCallbacks: [],
    };
    const { created, work } = await this.scope.store.create(group, [packSpec(spec)], { message });
    if (!created) throw alreadyStarted(`${this.name} with the key ${this.spec.key}`);
    await this.scope.locations.record(
      this.ownId,
      callbackIds(spec).map((id) => ({ id, callbackOf: 0 })),
    );
    await publishFor(this.scope, this.ownId, work);
  }

  private async startItem(message: string, options: ReturnType<typeof checkRunOptions>): Promise<StoredEntry> {
    const { groupId, index, name } = this.swarm ?? {};
    if (groupId === undefined || index === undefined)
      throw new ConfigurationError(`${this.name} is still being added to "${name}"; await that first.`);
    const { code, work } = await this.scope.store.runItem(groupId, index, packMessage(message, options));
    if (code === 'missing')
      throw new NotFoundError(`The swarm of ${this.name} (${groupId}) is unknown; its retention is over.`);
    if (code === 'again') throw alreadyStarted(this.name);
    if (code !== 'finished') await publishFor(this.scope, groupId, work);
    return this.entry();
  }

  private entry(): StoredEntry {
    const { swarm } = this;
    return swarm?.index === undefined
      ? this.entryAt(this.ownId, '0')
      : this.entryAt(swarm.groupId, String(swarm.index), swarm.index);
  }

  private entryAt(groupId: string, entry: string, index?: number): StoredEntry {
    return new StoredEntry(this.scope, groupId, entry, {
      id: this.id,
      name: this.name,
      ...(index === undefined ? {} : { index }),
    });
  }

  private ofStore(what: string, store: string): void {
    if (this.scope.store.identity !== store) {
      throw new ConfigurationError(
        `${what}: the signature ${this.name} (${this.ownId}) was made by another Mageflow, whose store this one doesn't share. Sign the task here.`,
      );
    }
  }
}

/** The ids of the callbacks that a stored signature carries, at any depth. */
export function callbackIds(spec: Pick<Spec, 'successCallbacks' | 'errorCallbacks'>): string[] {
  return [...(spec.successCallbacks ?? []), ...(spec.errorCallbacks ?? [])].flatMap((packed) => {
    const callback = unpackSpec(packed);
    return [...(callback.id ? [callback.id] : []), ...callbackIds(callback)];
  });
}
