import { randomBytes } from 'node:crypto';
import { MageflowError } from '../config/errors';
import type { GroupEvent } from '../config/events';
import type { Settings } from '../config/options';
import { TopLevelIndex } from './top-level-index';
import { bucketSize, Keys } from './keys';
import { type RedisConnection, type Reply, type ScriptName } from './connection';
import { statusChangeIn, toEffects, type Effects } from './replies';
import { Batcher } from './batcher';

const registeredAtOnce = 200;

/** How many keys the script takes whose lifetimes follow a group's, and how many calls of it are made at once. */
const keysAtOnce = 8;
const callsAtOnce = 64;

/** A group that is to be looked after within so many ms. */
interface Registration {
  id: string;
  ms: number;
}

/** What all calls of a group's scripts have in common. */
export class GroupScripts {
  readonly keys: Keys;
  /** Which groups there are. */
  readonly topLevelIndex: TopLevelIndex;
  /** This process, as leases name it. */
  readonly process = randomBytes(9).toString('base64url');
  /** Two instances with one identity share everything. */
  readonly identity: string;
  private readonly registrations = new Batcher(
    (all: readonly Registration[]) => this.sendRegistrations(all),
    registeredAtOnce,
    false,
  );
  /** Told when a group has become something else. */
  onStatusChange: (event: GroupEvent) => void = () => undefined;
  /** Told when a callback has failed: nobody waits for it, and it changes nothing else. */
  onFailedCallback: (groupId: string, entry: string) => void = () => undefined;

  constructor(
    readonly redis: RedisConnection,
    readonly settings: Settings,
    tenant: string,
    namespace: string,
  ) {
    this.keys = new Keys(settings.keyPrefix, tenant, namespace);
    this.topLevelIndex = new TopLevelIndex(redis, this.keys, 2 * settings.commandTimeoutMs);
    this.identity = `${redis.address} ${this.keys.base}`;
  }

  /** Puts a group into the index of due groups, before it holds anything that the reconciler would have to look after. */
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

  protected buckets(id: string, total: number): string[] {
    return Array.from({ length: Math.ceil(total / bucketSize) }, (_, bucket) => this.keys.results(id, bucket));
  }

  /** Has what a group has beside its own keys live as long as they do, whatever becomes of the group meanwhile. */
  protected async bindLifetimes(id: string, keys: readonly string[]): Promise<void> {
    const calls: string[][] = [];
    for (let from = 0; from < keys.length; from += keysAtOnce) {
      const some = keys.slice(from, from + keysAtOnce);
      calls.push([...some, ...Array.from({ length: keysAtOnce - some.length }, () => some[0] ?? '')]);
    }
    for (let from = 0; from < calls.length; from += callsAtOnce)
      await Promise.all(
        calls
          .slice(from, from + callsAtOnce)
          .map((some) => this.redis.call('lifetimes', [this.keys.state(id), ...some], [])),
      );
  }

  protected async call(
    name: ScriptName,
    id: string,
    args: readonly (string | number)[],
    entry = '0',
  ): Promise<Reply[]> {
    const reply = (await this.redis.call(name, this.keys.group(id, entry), [
      this.process,
      this.settings.leaseMs,
      ...args,
    ])) as Reply[];
    this.reportStatusChange(id, reply);
    return reply;
  }

  protected reportStatusChange(id: string, reply: readonly Reply[]): void {
    const changed = typeof reply[1] === 'string' ? statusChangeIn(reply[1]) : undefined;
    if (!changed || changed.kind === 'task') return;
    const { status, suspended } = toEffects(reply);
    this.onStatusChange({
      id,
      kind: changed.kind === 'chain' ? 'chain' : 'swarm',
      name: changed.name,
      status: suspended ? 'suspended' : status,
    });
  }

  protected expectCode<C extends string>(reply: Reply[], codes: readonly C[]): { code: C; effects: Effects } {
    const code = reply[0] as C;
    if (!codes.includes(code))
      throw new MageflowError(`A script answered ${String(code)}; expected one of ${codes.join(', ')}.`);
    return { code, effects: toEffects(reply) };
  }
}
