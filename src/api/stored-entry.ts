import {
  AlreadyStartedError,
  CancelledError,
  ConfigurationError,
  NotFoundError,
  TaskFailedError,
  type Failure,
} from '../config/errors';
import { isCallback } from '../store/entry';
import { isEnded, readError, type ItemState } from '../store/group-reader';
import { entryOutput } from './outputs';
import type { EngineClient } from '../hatchet/client';
import type { Scope } from './scope';
import type { Handle, SignatureStatus, WaitOptions } from './types';

const askHistoryMs = 1_000;

/**
 * Makes a handle. Its getters are not enumerable, so that JSON.stringify, a spread or a comparison does not read them: each
 * read returns a promise that can reject.
 */
export function makeHandle<O>(id: string, output: () => Promise<O>, runId: () => Promise<string>): Handle<O> {
  return Object.defineProperties({ id } as Handle<O>, { output: { get: output }, runId: { get: runId } });
}

/** The parts that entries in the store are read and changed with. */
export interface EntryParts extends Pick<
  Scope,
  'reader' | 'waiter' | 'canceller' | 'suspender' | 'retrier' | 'remover' | 'runIds'
> {
  /** Without it, the runs of ended entries are unknown. */
  readonly engine?: Pick<EngineClient, 'findRun'>;
}

/** An item or an invoked callback in the store. */
export class StoredEntry {
  constructor(
    private readonly scope: EntryParts,
    readonly groupId: string,
    readonly entry: string,
    private readonly who: { id: string; name: string; index?: number; isGroup?: boolean; alone?: boolean },
  ) {}

  /** @throws NotFoundError when it has expired */
  async status(): Promise<SignatureStatus> {
    const state = await this.state();
    if (state === undefined) throw this.notFound();
    if (state === 'running' && this.who.isGroup && (await this.isSuspendedBelow())) return 'suspended';
    return statusOf(state);
  }

  /** Waits for its end and returns its output. @throws TaskFailedError, CancelledError, NotFoundError */
  async wait<O>(options: WaitOptions = {}): Promise<O> {
    const state = await (this.who.alone ? this.groupEnded(options) : this.ended(options));
    const { reader } = this.scope;
    if (state === 'succeeded') return (await entryOutput(reader, this.groupId, this.entry)) as O;
    const result = await reader.result(this.groupId, this.entry);
    if (state === 'cancelled') {
      const when = result === undefined ? ' before it started' : '';
      throw new CancelledError(`${this.who.name} was cancelled${when}.`);
    }
    const message = readError(result?.slice(1) ?? '');
    const { id, name, index } = this.who;
    const failure: Failure = { id, name, ...(index === undefined ? {} : { index }), message };
    throw new TaskFailedError(`${name} failed: ${message}`, [failure]);
  }

  /**
   * Returns the id of the engine's run as soon as it was published.
   * @throws CancelledError, ConfigurationError, NotFoundError
   */
  async runId(): Promise<string> {
    const { waiter, runIds, engine, reader } = this.scope;
    if (this.who.isGroup)
      throw new ConfigurationError(`${this.who.name} is a group, which has no run of its own in the engine.`);
    const here = () => runIds.get(this.groupId, this.entry);
    const found = await waiter.entries.wait(this.groupId, this.entry, { run: () => here() !== undefined });
    if (!found) throw this.notFound();
    // Reads the store first, because another process may have withdrawn the run that this one published.
    const known = found.run || here();
    if (known) return known;
    if (found.end === 'cancelled')
      throw new CancelledError(`${this.who.name} was cancelled before it started; it has no run.`);
    // It has ended, and another process published it. The engine's history has its run after some hundred milliseconds.
    for (let asked = 0; asked < 6; asked++) {
      if (asked > 0) await waiter.rest(askHistoryMs);
      const token = await reader.tokenOf(this.groupId, this.entry);
      const past = token && (await engine?.findRun(this.who.id, this.groupId, this.entry, token));
      if (past) return past;
    }
    throw new NotFoundError(`The engine has no run of ${this.who.name} (${this.who.id}) any more.`);
  }

  /** @throws NotFoundError */
  async cancel(): Promise<void> {
    const { canceller } = this.scope;
    if (!(await canceller.cancelEntry(this.groupId, this.entry))) throw this.notFound();
  }

  /** @throws NotFoundError */
  async suspend(suspended: boolean): Promise<void> {
    const { suspender } = this.scope;
    const found = this.who.alone
      ? await suspender.group(this.groupId, suspended)
      : await suspender.entry(this.groupId, this.entry, suspended);
    if (!found) throw this.notFound();
  }

  /** Invokes its failed callbacks again. @throws NotFoundError */
  async retryCallbacks(): Promise<number> {
    const { retrier, reader } = this.scope;
    const { isGroup, alone } = this.who;
    // A chain or swarm stores its callbacks in its own group.
    const group = isGroup ? await reader.groupAt(this.groupId, this.entry) : undefined;
    if (isGroup && group === undefined) return 0;
    const [at, source] = group !== undefined ? [group, ''] : [this.groupId, alone ? '' : this.entry];
    const count = await retrier.callbacks(at, source);
    if (count === undefined) throw this.notFound();
    return count;
  }

  /** @throws ConfigurationError, AlreadyStartedError */
  async remove(): Promise<void> {
    const { id, name, alone } = this.who;
    if (!alone)
      throw new ConfigurationError(
        `${name} (${id}) belongs to the group ${this.groupId} and is removed with it. Remove that group, or only cancel this signature.`,
      );
    await removeGroup(this.scope, this.groupId, name);
  }

  handle<O>(): Handle<O> {
    return makeHandle(
      this.who.id,
      () => this.wait<O>(),
      () => this.runId(),
    );
  }

  /** Returns whether the nested group was suspended, itself or with a group around it. */
  private async isSuspendedBelow(): Promise<boolean> {
    const { reader } = this.scope;
    const group = await reader.groupAt(this.groupId, this.entry);
    return group !== undefined && (await reader.snapshot(group))?.suspended === true;
  }

  /** Returns the end of an item in a group of several. */
  private async ended(options: WaitOptions): Promise<string> {
    const found = await this.scope.waiter.entries.wait(this.groupId, this.entry, options);
    if (!found) throw this.notFound();
    return found.end;
  }

  /** Returns the end of the only item of a group. This process may receive that group's end. */
  private groupEnded(options: WaitOptions): Promise<string> {
    const read = async () => {
      const current = await this.state();
      if (current === undefined) throw this.notFound();
      return isEnded(current) ? current : undefined;
    };
    return this.scope.waiter.until(this.groupId, read, { ...options, end: true });
  }

  private async state(): Promise<ItemState | undefined> {
    const { reader } = this.scope;
    if (!isCallback(this.entry)) return reader.itemState(this.groupId, Number(this.entry));
    return reader.callbackState(this.groupId, this.entry);
  }

  private notFound(): NotFoundError {
    return new NotFoundError(`${this.who.name} (${this.who.id}) is not stored any more: its retention has passed.`);
  }
}

/** Removes an outermost group. A group that is gone already is no error. @throws ConfigurationError, AlreadyStartedError */
export async function removeGroup({ remover }: Pick<Scope, 'remover'>, groupId: string, name: string): Promise<void> {
  const code = await remover.remove(groupId);
  if (code === 'nested')
    throw new ConfigurationError(
      `${name} (${groupId}) belongs to another group and is removed with it. Remove that group, or only cancel this signature.`,
    );
  if (code === 'started')
    throw new AlreadyStartedError(
      `${name} (${groupId}) was started, and it or its callbacks have not finished. Cancel it, wait for its end, then remove it.`,
    );
}

export function statusOf(state: ItemState): SignatureStatus {
  if (state === 'waiting') return 'pending';
  if (state === 'deferred') return 'suspended';
  if (state === 'returned') return 'running';
  return state === 'granted' || state === 'published' ? 'queued' : state;
}
