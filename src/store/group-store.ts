import { createHash, randomBytes } from 'node:crypto';
import { MageflowError } from '../errors';
import type { Settings } from '../options';
import { bucketSize, Keys } from './keys';
import { type RedisConnection, type Reply, type ScriptName } from './redis';

/** What a script hands to this process for publication. */
export interface Work {
  status: GroupStatus;
  /** Items that got a slot. */
  grants: { entry: string; spec: string; message: string }[];
  /** Callbacks that were fired. */
  callbacks: { entry: string; packed: string }[];
  /** Whether free slots and queued items are left: one call hands out 1,000 at most. */
  more: boolean;
  /** Whether the group has been given a message. */
  hasMessage: boolean;
  /** How many items the group holds. */
  total: number;
  /** Whether the group's last work has ended, and its keys were given their time to live. */
  expiring: boolean;
}

export type GroupStatus = 'pending' | 'running' | 'stopping' | 'cancelling' | 'succeeded' | 'failed' | 'cancelled';
export type Outcome = 'succeeded' | 'failed' | 'cancelled';

/** One execution of a run: what the engine tells apart, and a nonce of this process. */
export interface Execution {
  runId: string;
  retryCount: number;
  invocation: number;
  nonce: string;
}

export interface NewGroup {
  id: string;
  kind: 'swarm' | 'task';
  name: string;
  secret: string;
  closed: boolean;
  /** How many of its tasks come with its creation, when more are to be added before it is whole; else 0. */
  building?: number;
  maxConcurrency: number;
  stopAfterNFailures: number | null;
  keepResults: boolean;
  /** Run options that items without their own get, as JSON. */
  options?: string;
  successCallbacks: string[];
  errorCallbacks: string[];
}

/** How items are added: made ready at once, and (while a group is being made) as which of its tasks. */
export interface AddFlags {
  run?: boolean;
  close?: boolean;
  place?: number;
  last?: boolean;
}

/** What an item does at its start. */
export type StartReply =
  | { code: 'run'; failed: number }
  | { code: 'stored'; result: string }
  | { code: 'duplicate'; owner: string }
  | { code: 'superseded' | 'unknown' };

/** Entries whose lease ran out, and when to look again. */
export interface DueReply {
  status: GroupStatus | 'missing';
  nextDue: number | undefined;
  active: number;
  forgetAt: number | undefined;
  more: boolean;
  entries: { entry: string; state: string; runId: string; process: string; publications: number }[];
}

// Keys outlive their retention by this much: upkeep removes them in time without blocking Redis; expiry is the net.
const graceMs = 1_000;

/** The secret from which a group's claims are made; nobody who only sees metadata of one item can make another's. */
export function newSecret(): string {
  return randomBytes(12).toString('base64url');
}

/** Proof that a claim comes from a publisher; `start.lua` makes the same. */
export function claimToken(secret: string, entry: string): string {
  return createHash('sha1')
    .update(secret + entry)
    .digest('hex')
    .slice(0, 20);
}

/** Typed calls of the scripts that change a group. All state changes go through here. */
export class GroupStore {
  readonly keys: Keys;
  /** This process, as leases name it. */
  readonly process = randomBytes(9).toString('base64url');
  /** Two instances with one identity share everything. */
  readonly identity: string;

  constructor(
    readonly redis: RedisConnection,
    readonly settings: Settings,
    tenant: string,
    namespace: string,
  ) {
    this.keys = new Keys(settings.keyPrefix, tenant, namespace);
    this.identity = `${redis.address} ${this.keys.base}`;
  }

  async create(
    group: NewGroup,
    specs: readonly string[],
    run?: { message: string },
  ): Promise<{ created: boolean; building: number; work: Work }> {
    const fields = [
      ['k', group.kind],
      ['n', group.name],
      ['sec', group.secret],
      ['cl', group.closed ? 1 : 0],
      ['mc', group.maxConcurrency],
      ['sn', group.stopAfterNFailures ?? 0],
      ['kr', group.keepResults ? 1 : 0],
      ['ret', this.settings.finishedMs],
      ['grace', graceMs],
      ['bld', group.building ?? 0],
      ['ttl', this.settings.abandonedMs],
      ...(group.options ? [['opt', group.options]] : []),
      ...(group.successCallbacks.length ? [['cs', JSON.stringify(group.successCallbacks)]] : []),
      ...(group.errorCallbacks.length ? [['ce', JSON.stringify(group.errorCallbacks)]] : []),
    ].flat() as (string | number)[];
    if (run) await this.register(group.id);
    const reply = await this.call('create', group.id, [
      run ? 1 : 0,
      run?.message ?? '',
      fields.length / 2,
      ...fields,
      ...specs,
    ]);
    return { created: reply[0] === 'created', building: Number(reply[8] ?? 0), work: toWork(reply) };
  }

  /** Appends items, each with its spec and its key ('' for none). */
  async add(id: string, items: readonly { spec: string; key: string }[], flags: AddFlags) {
    if (flags.run) await this.register(id);
    const args = items.flatMap((item) => [item.spec, item.key]);
    const { run, close, place = '', last } = flags;
    const reply = await this.call('add', id, [run ? 1 : 0, close ? 1 : 0, place, last ? 1 : 0, ...args]);
    const code = reply[0] as 'added' | 'moved' | 'missing' | 'closed' | 'finished';
    if (code === 'moved') return { code, place: Number(reply[1]) };
    if (code !== 'added') return { code };
    return {
      code,
      work: toWork(reply),
      indexes: (reply[8] as string[]).map(Number),
      added: Number(reply[9]),
      total: Number(reply[6]),
    };
  }

  async run(id: string, message: string, options = '') {
    await this.register(id);
    return this.started(await this.call('run', id, [message, options]));
  }

  async runItem(id: string, index: number, message: string) {
    await this.register(id);
    return this.started(await this.call('runItem', id, [index, message]));
  }

  async close(id: string) {
    return this.started(await this.call('close', id, []));
  }

  async grant(id: string) {
    return this.started(await this.call('grant', id, []));
  }

  async start(id: string, entry: string, token: string, execution: Execution, deadOwner: string): Promise<StartReply> {
    const { runId, retryCount, invocation, nonce } = execution;
    const reply = await this.call('start', id, [entry, token, runId, retryCount, invocation, nonce, deadOwner], entry);
    switch (reply[0]) {
      case 'run':
        return { code: 'run', failed: Number(reply[1]) };
      case 'stored':
        return { code: 'stored', result: String(reply[1]) };
      case 'duplicate':
        return { code: 'duplicate', owner: String(reply[1]) };
      default:
        return { code: reply[0] as 'superseded' | 'unknown' };
    }
  }

  async finish(
    id: string,
    entry: string,
    execution: Execution,
    end: { outcome: 'succeeded' | 'failed' | 'threw' | 'aborted'; payload: string; retries: number },
    confirmed: readonly string[],
  ) {
    const { runId, retryCount, invocation, nonce } = execution;
    const args = [entry, runId, retryCount, invocation, nonce, end.outcome, end.payload, end.retries, ...confirmed];
    const reply = this.settled(await this.call('finish', id, args, entry), [
      'ended',
      'retry',
      'refused',
      'unknown',
    ] as const);
    if (reply.code === 'ended' && end.outcome !== 'succeeded') this.tellOfCallback(id, entry, end.payload);
    return reply;
  }

  async settle(id: string, entry: string, runId: string, outcome: Outcome, payload: string) {
    const reply = this.settled(await this.call('settle', id, [entry, runId, outcome, payload], entry), [
      'ended',
      'refused',
      'unknown',
    ] as const);
    if (reply.code === 'ended' && outcome === 'failed') this.tellOfCallback(id, entry, payload);
    return reply;
  }

  async confirm(id: string, pairs: readonly string[]): Promise<void> {
    await this.redis.call('confirm', this.keys.group(id), [this.process, this.settings.leaseMs, ...pairs]);
  }

  async renew(id: string, entries: readonly string[], forMs: number): Promise<void> {
    await this.redis.call('renew', this.keys.group(id), [this.process, forMs, ...entries]);
  }

  async regrant(id: string, due: DueReply['entries'][number]) {
    const reply = await this.call('regrant', id, [due.entry, due.state, due.process, due.runId], due.entry);
    return this.settled(reply, ['granted', 'refused', 'unknown'] as const);
  }

  async due(id: string, limit: number): Promise<DueReply> {
    const reply = await this.call('due', id, [limit]);
    if (reply[0] === 'missing')
      return { status: 'missing', nextDue: undefined, active: 0, forgetAt: undefined, more: false, entries: [] };
    const flat = reply[5] as string[];
    const entries: DueReply['entries'] = [];
    for (let i = 0; i + 1 < flat.length; i += 2) {
      const [state = '', runId = '', , , , process = '', , , publications = '1'] = (flat[i + 1] ?? '').split('|');
      entries.push({ entry: flat[i] ?? '', state, runId, process, publications: Number(publications) });
    }
    return {
      status: reply[0] as GroupStatus,
      nextDue: reply[1] ? Number(reply[1]) : undefined,
      active: Number(reply[2]),
      forgetAt: reply[3] ? Number(reply[3]) : undefined,
      more: reply[4] === 1,
      entries,
    };
  }

  /** Gives the results of a finished group the time to live that its other keys got from the scripts. */
  async expireResults(id: string, total: number): Promise<void> {
    const buckets = Math.ceil(total / bucketSize);
    for (let from = 0; from < buckets; from += 500) {
      const keys = Array.from({ length: Math.min(500, buckets - from) }, (_, i) => this.keys.results(id, from + i));
      await this.redis.use('pexpire', (client) =>
        Promise.all(keys.map((key) => client.pexpire(key, this.settings.finishedMs + graceMs))),
      );
    }
  }

  /** Removes whatever a group left, without blocking Redis. */
  async forget(id: string, total: number): Promise<void> {
    const keys = this.keys.group(id).slice(0, 8);
    for (let bucket = 0; bucket < Math.ceil(total / bucketSize); bucket++) keys.push(this.keys.results(id, bucket));
    for (let from = 0; from < keys.length; from += 500) {
      const some = keys.slice(from, from + 500);
      await this.redis.use('unlink', (client) => Promise.all(some.map((key) => client.unlink(key))));
    }
  }

  /** Asks for the ends of a group's items to be published for a while. */
  async publishEnds(id: string, forMs: number): Promise<void> {
    await this.redis.call('watch', [this.keys.state(id)], [forMs]);
  }

  /** Says that this process is alive, so that nobody takes over what it still has to publish. */
  async beat(): Promise<void> {
    const { leaseMs } = this.settings;
    await this.redis.use('set', (client) => client.set(this.keys.process(this.process), '1', 'PX', leaseMs * 3));
  }

  async isAlive(process: string): Promise<boolean> {
    return (await this.redis.use('exists', (client) => client.exists(this.keys.process(process)))) === 1;
  }

  /** Puts a group into the upkeep index, before it holds anything that upkeep would have to look after. */
  private async register(id: string): Promise<void> {
    await this.redis.call('register', [this.keys.upkeepOf(id)], [id, this.settings.leaseMs]);
  }

  private async call(name: ScriptName, id: string, args: readonly (string | number)[], entry = '0'): Promise<Reply[]> {
    const reply = await this.redis.call(name, this.keys.group(id, entry), [
      this.process,
      this.settings.leaseMs,
      ...args,
    ]);
    return reply as Reply[];
  }

  /** Nobody waits for a callback, and its failure changes nothing else. */
  private tellOfCallback(id: string, entry: string, error: string): void {
    if (!entry.startsWith('c')) return;
    this.settings.logger.error(`mageflow: a callback (${entry}) of ${id} failed: ${error}`);
  }

  private started(reply: Reply[]) {
    return this.settled(reply, ['started', 'closed', 'granted', 'missing', 'again', 'finished'] as const);
  }

  private settled<C extends string>(reply: Reply[], codes: readonly C[]): { code: C; work: Work } {
    const code = reply[0] as C;
    if (!codes.includes(code))
      throw new MageflowError(`A script answered ${String(code)}; expected one of ${codes.join(', ')}.`);
    return { code, work: toWork(reply) };
  }
}

function toWork(reply: Reply[]): Work {
  const grants = (reply[2] ?? []) as string[][];
  const callbacks = (reply[3] ?? []) as string[][];
  return {
    status: reply[1] as GroupStatus,
    grants: grants.map(([entry = '', spec = '', message = '']) => ({ entry, spec, message })),
    callbacks: callbacks.map(([entry = '', packed = '']) => ({ entry, packed })),
    more: reply[4] === 1,
    hasMessage: Number(reply[5] ?? 0) > 0,
    total: Number(reply[6] ?? 0),
    expiring: reply[7] === 1,
  };
}
