import {
  CancelledError,
  ConfigurationError,
  NotFoundError,
  SwarmClosedError,
  SwarmFinishedError,
  TaskFailedError,
  describe,
} from '../errors';
import { encodeMessage } from '../messages/json';
import { refuseUnknown } from '../options';
import { isEnded, type Snapshot } from '../store/group-reader';
import type { AddFlags, GroupStatus } from '../store/group-store';
import { alreadyStarted, checkRunOptions, refuseUnknownRunOptions } from './binding';
import { bytesPerScript, entriesPerScript, placeLocations, prepare, type PreparedEntry } from './entries';
import { publishFor, type Scope } from './scope';
import { makeHandle } from './stored-entry';
import { TaskSignature } from './task-signature';
import {
  template,
  type Bound,
  type Handle,
  type InputOf,
  type ItemOf,
  type ItemResult,
  type NoOthers,
  type Progress,
  type RunOptions,
  type SignatureStatus,
  type SignOptions,
  type Swarm,
  type TaskEntry,
  type TaskLike,
  type WaitOptions,
} from './types';

const itemsPerRead = 256;

/** A swarm as it is stored: everything it says is read from Redis, so it speaks the same in every process. */
export class TaskSwarm<O> implements Swarm<O> {
  readonly kind = 'swarm';

  constructor(
    private readonly scope: Scope,
    readonly id: string,
    readonly name: string,
  ) {}

  async run(message?: Record<string, unknown>, options?: RunOptions & WaitOptions): Promise<O[]> {
    await this.start(message, options);
    return this.outputs(options);
  }

  async runNoWait(message?: Record<string, unknown>, options?: RunOptions): Promise<Handle<O[]>> {
    await this.start(message, options);
    return makeHandle(
      this.id,
      () => this.outputs(),
      () =>
        Promise.reject(
          new ConfigurationError('A swarm has no run of its own in the engine. Ask its items for theirs.'),
        ),
    );
  }

  async runSettled(message?: Record<string, unknown>, options?: RunOptions & WaitOptions): Promise<ItemResult<O>[]> {
    await this.start(message, options);
    const { total } = await this.ended(options);
    const items: ItemResult<O>[] = [];
    for (let from = 0; from < total; from += itemsPerRead) {
      const indexes = Array.from({ length: Math.min(itemsPerRead, total - from) }, (_, i) => from + i);
      items.push(...((await this.scope.reader.ended(this.id, indexes)) as ItemResult<O>[]));
    }
    return items;
  }

  async status(): Promise<SignatureStatus> {
    return statusOf((await this.snapshot()).status);
  }

  async progress(): Promise<Progress> {
    const { total, ready, slots, succeeded, failed, cancelled, closed, status } = await this.snapshot();
    const stopped = status !== 'pending' && status !== 'running';
    return {
      total,
      waiting: stopped ? 0 : total - ready,
      queued: stopped ? 0 : ready - slots - succeeded - failed - cancelled,
      running: slots,
      succeeded,
      failed,
      cancelled,
      closed,
      status: statusOf(status),
    };
  }

  async *results(): AsyncGenerator<ItemResult<O>, void, undefined> {
    const { reader, waiter } = this.scope;
    let read = 0;
    for (;;) {
      const next = await waiter.until(
        this.id,
        async () => {
          // The status first: whatever ended before the group did is in the log when that is read.
          const { status, total } = await this.snapshot();
          const indexes = await reader.endLog(this.id, read, itemsPerRead);
          return indexes.length > 0 || isEnded(status) ? { indexes, total } : undefined;
        },
        { items: true },
      );
      if (next.indexes.length === 0) {
        yield* this.neverStarted(next.total);
        return;
      }
      read += next.indexes.length;
      yield* (await reader.ended(this.id, next.indexes)) as ItemResult<O>[];
    }
  }

  async addTask<T extends TaskLike, const D extends Bound<InputOf<T>>>(
    task: T,
    data?: D & object & NoOthers<D, InputOf<T>>,
    options?: SignOptions,
  ): Promise<ItemOf<T>> {
    const entry = prepare(
      [task, data as object | undefined, options] as TaskEntry,
      this.id,
      this.name,
      'task',
      this.scope.store.identity,
    );
    const { indexes } = await this.addPrepared([entry], {}, 0);
    const [index = 0] = indexes;
    if (entry.signature) return entry.signature as unknown as ItemOf<T>;
    return TaskSignature.item(this.scope, this.id, this.name, index, entry.packed) as unknown as ItemOf<T>;
  }

  async addTasks(
    entries: Iterable<TaskEntry> | AsyncIterable<TaskEntry>,
    options: { run?: boolean } = {},
  ): Promise<number> {
    refuseUnknown(options, new Set(['run']), 'option of addTasks');
    if (
      typeof entries !== 'object' ||
      entries === null ||
      !(Symbol.iterator in entries || Symbol.asyncIterator in entries)
    ) {
      throw new ConfigurationError(
        `addTasks: expected an iterable or async iterable of tasks, got ${describe(entries)}.`,
      );
    }
    const flags = { run: options.run === true };
    let added = 0;
    let seen = 0;
    let chunk: PreparedEntry[] = [];
    let bytes = 0;
    const flush = async () => {
      if (chunk.length === 0) return;
      const full = chunk;
      chunk = [];
      bytes = 0;
      added += (await this.addPrepared(full, flags, added)).added;
    };
    try {
      for await (const entry of entries) {
        const prepared = prepare(entry, this.id, this.name, `entries[${seen}]`, this.scope.store.identity);
        seen += 1;
        chunk.push(prepared);
        bytes += prepared.packed.length;
        if (chunk.length >= entriesPerScript || bytes >= bytesPerScript) await flush();
      }
    } catch (error) {
      for (const { signature } of chunk) signature?.release();
      throw error;
    }
    await flush();
    return added;
  }

  async closeSwarm(): Promise<void> {
    const { code, work } = await this.scope.store.close(this.id);
    if (code === 'missing') throw this.notFound();
    await publishFor(this.scope, this.id, work);
  }

  /** A swarm as an item or a callback comes with nested groups. @internal */
  [template](what: string): never {
    throw new ConfigurationError(
      `${what}: the swarm "${this.name}" can't be part of another group yet. Hand in tasks or signatures of tasks.`,
    );
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

  /** Adds prepared entries in one script. */
  private async addPrepared(entries: readonly PreparedEntry[], flags: AddFlags, before: number) {
    const { scope, id } = this;
    const reply = await scope.store
      .add(
        id,
        entries.map(({ packed, key }) => ({ spec: packed, key })),
        flags,
      )
      .catch((error: unknown) => {
        release(entries);
        throw error;
      });
    if (reply.code === 'added') {
      const { indexes, added, work } = reply;
      entries.forEach(({ signature }, i) => signature?.place(indexes[i] ?? 0));
      await placeLocations(scope, id, entries, indexes);
      await publishFor(scope, id, work);
      return { indexes, added };
    }
    release(entries);
    const what = `The swarm "${this.name}" (${id})`;
    if (reply.code === 'moved') return { indexes: [], added: 0, moved: reply.place };
    if (reply.code === 'missing') throw this.notFound();
    if (reply.code === 'closed') throw new SwarmClosedError(`${what} is closed; nothing can be added.`, before);
    throw new SwarmFinishedError(`${what} has ended or is stopping; nothing can be added.`, before);
  }

  private async start(
    message: Record<string, unknown> | undefined,
    options: (RunOptions & WaitOptions) | undefined,
  ): Promise<void> {
    refuseUnknownRunOptions(options);
    const encoded = encodeMessage(message ?? {}, `the message to the swarm "${this.name}"`);
    const runOptions = checkRunOptions(options, `the run of the swarm "${this.name}"`);
    const { code, work } = await this.scope.store.run(this.id, encoded, runOptions ? JSON.stringify(runOptions) : '');
    if (code === 'missing') throw this.notFound();
    if (code === 'again') throw alreadyStarted(`The swarm "${this.name}"`);
    if (code === 'finished')
      throw new SwarmFinishedError(`The swarm "${this.name}" (${this.id}) has ended or is stopping; it can't be run.`);
    await publishFor(this.scope, this.id, work);
  }

  private async outputs(options: WaitOptions = {}): Promise<O[]> {
    const { status, total, failed } = await this.ended(options);
    if (status === 'cancelled') throw new CancelledError(`The swarm "${this.name}" was cancelled.`);
    if (status === 'failed') {
      const { failures } = await this.scope.reader.failures(this.id);
      throw new TaskFailedError(
        `The swarm "${this.name}" failed: ${failed} of its ${total} items failed, the first with: ${failures[0]?.message}`,
        failures,
      );
    }
    const outputs: O[] = [];
    for await (const { json } of this.scope.reader.outputs(this.id, total)) outputs.push(JSON.parse(json) as O);
    return outputs;
  }

  private ended(options: WaitOptions = {}): Promise<Snapshot> {
    const { timeoutMs, signal } = options;
    return this.scope.waiter.until(
      this.id,
      async () => {
        const snapshot = await this.snapshot();
        return isEnded(snapshot.status) ? snapshot : undefined;
      },
      { timeoutMs, signal },
    );
  }

  /** What a stopped swarm cancelled without it ever having started, in order. */
  private async *neverStarted(total: number): AsyncGenerator<ItemResult<O>, void, undefined> {
    const { reader } = this.scope;
    for (let from = 0; from < total; from += itemsPerRead) {
      const indexes = await reader.neverStarted(this.id, from, Math.min(total, from + itemsPerRead));
      yield* (await reader.ended(this.id, indexes)) as ItemResult<O>[];
    }
  }

  private async snapshot(): Promise<Snapshot> {
    const snapshot = await this.scope.reader.snapshot(this.id);
    if (!snapshot) throw this.notFound();
    return snapshot;
  }

  private notFound(): NotFoundError {
    return new NotFoundError(`The swarm "${this.name}" (${this.id}) is unknown; its retention is over.`);
  }
}

function release(entries: readonly PreparedEntry[]): void {
  for (const { signature } of entries) signature?.release();
}

function statusOf(status: GroupStatus): SignatureStatus {
  return status === 'stopping' || status === 'cancelling' ? 'running' : status;
}
