import { groupFailure } from '../engine/group-end';
import { CancelledError, ConfigurationError, NotFoundError, TaskFailedError } from '../errors';
import { isEnded, type Snapshot } from '../store/group-reader';
import type { GroupStatus } from '../store/replies';
import type { Scope } from './scope';
import { makeHandle } from './stored-entry';
import type { Handle, SignatureStatus, WaitOptions } from './types';

/** A chain or swarm as it is stored: what can be asked of it, in any process. */
export class StoredGroup {
  constructor(
    private readonly scope: Scope,
    readonly id: string,
    readonly kind: 'chain' | 'swarm',
    readonly name: string,
    /** What it is before it is there, for one that comes to be by itself. */
    private readonly before?: () => Promise<Snapshot | undefined>,
  ) {}

  async status(): Promise<SignatureStatus> {
    return statusOf((await this.snapshot()).status);
  }

  /** @throws NotFoundError when it has expired */
  async snapshot(): Promise<Snapshot> {
    const snapshot = (await this.scope.reader.snapshot(this.id)) ?? (await this.before?.());
    if (!snapshot) throw this.notFound();
    return snapshot;
  }

  /** Waits for its end. */
  ended({ timeoutMs, signal }: WaitOptions = {}): Promise<Snapshot> {
    return this.scope.waiter.until(
      this.id,
      async () => {
        const snapshot = await this.snapshot();
        return isEnded(snapshot.status) ? snapshot : undefined;
      },
      { timeoutMs, signal },
    );
  }

  /** Waits for its end and gives the list of a swarm, or the last output of a chain. @throws TaskFailedError, CancelledError */
  async wait<O>(options: WaitOptions = {}): Promise<O> {
    const { reader } = this.scope;
    const snapshot = await this.ended(options);
    if (snapshot.status === 'cancelled') throw new CancelledError(`The ${this.kind} "${this.name}" was cancelled.`);
    if (snapshot.status === 'failed') {
      const { failures } = await reader.failures(this.id);
      throw new TaskFailedError(groupFailure(snapshot, failures), failures);
    }
    const last = this.kind === 'chain' ? await reader.result(this.id, String(snapshot.total - 1)) : `s@${this.id}`;
    return JSON.parse(await reader.output(last?.slice(1) ?? '')) as O;
  }

  /** @throws NotFoundError */
  async cancel(): Promise<void> {
    if (!(await this.scope.publisher.canceller.cancel(this.id, 'user'))) throw this.notFound();
  }

  runId(): Promise<never> {
    const message = `A ${this.kind} has no run of its own in the engine. Ask its items for theirs.`;
    return Promise.reject(new ConfigurationError(message));
  }

  handle<O>(): Handle<O> {
    return makeHandle(
      this.id,
      () => this.wait<O>(),
      () => this.runId(),
    );
  }

  notFound(): NotFoundError {
    return new NotFoundError(`The ${this.kind} "${this.name}" (${this.id}) is unknown; its retention is over.`);
  }
}

export function statusOf(status: GroupStatus): SignatureStatus {
  return status === 'stopping' || status === 'cancelling' ? 'running' : status;
}

/** What a swarm is that will be made by something that has not begun; undefined when that has ended without it. */
export async function notYet(
  name: string,
  before: { status(): Promise<SignatureStatus> },
): Promise<Snapshot | undefined> {
  const status = await before.status();
  const none = { total: 0, ready: 0, slots: 0, succeeded: 0, failed: 0, cancelled: 0, swept: 0 };
  const ended = status === 'succeeded' || status === 'failed' || status === 'cancelled';
  return { kind: 'root', name, status: ended ? status : 'pending', closed: ended, ...none };
}
