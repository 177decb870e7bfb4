import { randomBytes } from 'node:crypto';
import { MageflowError } from '../config/errors';
import type { GroupEvent } from '../config/events';
import type { Settings } from '../config/options';
import { isCallback } from './entry';
import { TopLevelIndex } from './top-level-index';
import { checkFormat } from './format';
import { bucketSize, type Keys } from './keys';
import { type RedisConnection, type Reply, type ScriptName } from './connection';
import { statusChangeIn, toEffects, type Effects } from './replies';
import { inParts } from '../utils/in-parts';
import { Batcher } from './batcher';

const registeredAtOnce = 200;

/** How many keys the script `lifetimes` accepts besides the group's, and how many calls of it are made at once. */
const keysAtOnce = 8;
const callsAtOnce = 64;

/** A group that the reconciler has to look at within `ms` milliseconds. */
interface Registration {
  id: string;
  ms: number;
}

/** When a process has to grant slots again: in how many ms, and at which time by Redis's clock. */
export interface NextStart {
  inMs: number;
  at: number;
}

/** Receive changes that no caller awaits. */
export interface StoreListeners {
  /** Called when the status of a group has changed. */
  onStatusChange?: (event: GroupEvent) => void;
  /** Called when a callback has failed. Nothing waits for a callback, so its failure has no other effect. */
  onFailedCallback?: (groupId: string, entry: string) => void;
  /** Called when this process has to grant slots of a group again later, because its items wait for their time. */
  onNextStart?: (groupId: string, when: NextStart) => void;
}

/** Calls the scripts of a group, and reports each change of a group's status. The typed calls are in `group-store`. */
export class ScriptCalls {
  /** The index of the groups that are in no other group. */
  readonly topLevelIndex: TopLevelIndex;
  /** The id by which leases name this process. */
  readonly process = randomBytes(9).toString('base64url');
  /** The identity of the store: instances with the same identity share all state. */
  readonly identity: string;
  private readonly registrations: Batcher<Registration, void>;

  constructor(
    readonly redis: RedisConnection,
    readonly settings: Settings,
    readonly keys: Keys,
    private readonly listeners: StoreListeners,
  ) {
    const send = (all: readonly Registration[]) => this.sendRegistrations(all);
    this.registrations = new Batcher(settings.clock, send, registeredAtOnce, false);
    redis.admitWith((client) => checkFormat(client, keys.meta(), settings.logger));
    this.topLevelIndex = new TopLevelIndex(redis, keys, 2 * settings.commandTimeoutMs);
    this.identity = `${redis.address} ${keys.base}`;
  }

  /**
   * Puts a group into the reconciler index. This must precede the first write that the reconciler might have to complete.
   *
   * @param withinMs - when the reconciler looks at it at the latest; never more than `leaseMs`
   */
  async register(id: string, withinMs = this.settings.leaseMs): Promise<void> {
    const ms = Math.max(0, Math.min(withinMs, this.settings.leaseMs));
    return this.registrations.add(this.keys.dueIndexOf(id), { id, ms });
  }

  private async sendRegistrations(all: readonly Registration[]): Promise<void[]> {
    const index = this.keys.dueIndexOf(all[0]?.id ?? '');
    await this.redis.call(
      'register',
      [index],
      all.flatMap(({ id, ms }) => [id, ms]),
    );
    return all.map(() => undefined);
  }

  /** Returns the keys of the results of a group with this many items. */
  buckets(id: string, total: number): string[] {
    return Array.from({ length: Math.ceil(total / bucketSize) }, (_, bucket) => this.keys.results(id, bucket));
  }

  /** Makes further keys of a group live as long as its own keys, even if these change or expire meanwhile. */
  async bindLifetimes(id: string, keys: readonly string[]): Promise<void> {
    const calls = inParts(keys, { items: keysAtOnce }).map((some) => [
      ...some,
      ...Array.from({ length: keysAtOnce - some.length }, () => some[0] ?? ''),
    ]);
    for (const some of inParts(calls, { items: callsAtOnce }))
      await Promise.all(some.map((others) => this.redis.call('lifetimes', [this.keys.state(id), ...others], [])));
  }

  /** Reports that this process has to call `grant`. @param when - the ms until then, a space, and that time */
  reportNextStart(id: string, when: string): void {
    const [inMs, at] = when.split(' ').map(Number) as [number, number];
    this.listeners.onNextStart?.(id, { inMs, at });
  }

  /** Takes the time of the next start from the front of the state in a reply, where it stands between two '@'. */
  private takeNextStart(id: string, reply: Reply[]): void {
    // Some scripts answer with a number alone.
    const state = reply[1];
    if (typeof state !== 'string' || !state.startsWith('@')) return;
    const end = state.indexOf('@', 1);
    reply[1] = state.slice(end + 1);
    this.reportNextStart(id, state.slice(1, end));
  }

  /** Calls a script. @param entry - an entry in the bucket of results that the script uses */
  async call(name: ScriptName, id: string, args: readonly (string | number)[], entry = '0'): Promise<Reply[]> {
    const reply = (await this.redis.call(name, this.keys.group(id, entry), [
      this.process,
      this.settings.leaseMs,
      ...args,
    ])) as Reply[];
    this.takeNextStart(id, reply);
    this.reportStatusChange(id, reply);
    return reply;
  }

  /** Reports an entry that has failed, if it is a callback. */
  reportFailedCallback(id: string, entry: string): void {
    if (isCallback(entry)) this.listeners.onFailedCallback?.(id, entry);
  }

  private reportStatusChange(id: string, reply: readonly Reply[]): void {
    const changed = typeof reply[1] === 'string' ? statusChangeIn(reply[1]) : undefined;
    if (!changed || changed.kind === 'task') return;
    const { status, suspended } = toEffects(reply);
    this.listeners.onStatusChange?.({
      id,
      kind: changed.kind === 'chain' ? 'chain' : 'swarm',
      name: changed.name,
      status: suspended ? 'suspended' : status,
    });
  }

  /** Reads a reply that begins with one of these codes. @throws MageflowError for another code */
  expectCode<C extends string>(reply: Reply[], codes: readonly C[]): { code: C; effects: Effects } {
    const code = reply[0] as C;
    if (!codes.includes(code))
      throw new MageflowError(`A script answered ${String(code)}; expected one of ${codes.join(', ')}.`);
    return { code, effects: toEffects(reply) };
  }
}
