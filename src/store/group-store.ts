import type { ConfigChange } from '../config/swarm-config';
import { field } from './scripts.generated';
import { encodeChange, encodeConfig } from './stored-config';
import { randomUUID } from 'node:crypto';
import type { Clock } from '../utils/clock';
import { Executions, packedPairs } from './executions';
import { isKeyed } from './ids';
import { bucketSize, Keys } from './keys';
import type { GroupRetention, Labels } from './labels';
import type { Settings } from '../config/options';
import type { RedisConnection, Reply, Server } from './connection';
import { ScriptCalls, type StoreListeners } from './script-calls';
import type { TopLevelIndex } from './top-level-index';
import { unpackSpec, type StoredRunOptions } from './spec';
import { toDue, toEntries, toEffects, type DueReply, type Outcome, type Effects } from './replies';

export type GroupKind = 'task' | 'swarm' | 'chain' | 'root';

/** The groups around a group: the nearest swarm, chain and root above it, and the root's run in the engine. */
export interface Above {
  swarm?: string;
  swarmName?: string;
  chain?: string;
  root?: string;
  parentRun?: string;
  parentTask?: string;
  /** The labels of all groups above. */
  labels?: Labels;
}

/**
 * Why a group is cancelled: a `user` cancelled this very group, its `parent` was cancelled, or `stop`: its parent stopped
 * at a failure limit (which cancels only groups that were never started). `timeout`: its time limit is over. `abandoned`: nothing has
 * happened in it for `retention.abandonedMs`. `unfilled`: the call that was to fill it has failed, or its process has died.
 */
export type CancelledBy = 'user' | 'parent' | 'stop' | 'timeout' | 'abandoned' | 'unfilled';

export interface NewGroup extends ConfigChange {
  id: string;
  kind: GroupKind;
  name: string;
  secret: string;
  closed: boolean;
  /** The number of tasks that are written with its creation, if more are to be added before it is complete. */
  building?: number;
  maxConcurrency: number;
  labels?: Labels | undefined;
  retention?: GroupRetention | undefined;
  /** Run options of items that have none of their own, as JSON. */
  options?: string;
  /** Run options of the run that creates the group, as JSON. They win over `options`. */
  runOptions?: string;
  successCallbacks: readonly string[];
  errorCallbacks: readonly string[];
  /**
   * The parent, the entry of this group in it, and how often the parent was retried. `retention`: that of the parent, which
   * counts in place of its own.
   */
  parent?: { groupId: string; entry: string; round?: number; retention?: GroupRetention | undefined };
  above?: Above;
  /** Set when the group is created suspended: the version of that suspension. */
  suspended?: string;
}

/**
 * How items are added.
 *
 * `run` makes them ready at once, `close` closes the group. While a group is built in parts, `place` is the position of
 * the first item among its tasks, and `last` marks the last part.
 */
export interface AddFlags {
  run?: boolean;
  close?: boolean;
  place?: number;
  last?: boolean;
}

/** How a parent retries a nested group. */
export interface RetriedBy {
  /** How often the parent was retried. */
  round: number;
  /** True if items can be added again, because a root's body runs again. */
  reopen?: boolean;
  /** The groups above it from now on. */
  above?: object;
  /** Its message from now on, as JSON; undefined to keep it. */
  message?: string | undefined;
}

/** The lease and the round under which a user retries chosen items of a group. */
export interface ChosenBy {
  /** The name of the caller's lease on the group. Only its holder chooses items, until the lease is over. */
  lease: string;
  /** The round of the group in which the items were chosen; undefined when the retry has begun. */
  round?: number;
}

/** The lease under which a group was filled that is closed. */
export interface Filling {
  /** The lease of the caller, which has filled the group. */
  filledBy?: string;
  /** The lease under which the group had to be filled before this call. */
  endsFilling?: string;
}

/** The next part of the items that are chosen for a retry. */
export interface ChosenPart {
  /** The index of the first item that the part decides about. */
  from: number;
  /** One character for each item from there on: 'q' for a chosen one, '-' for one that stays as it ended. */
  row: string;
  /** The chosen items that get another spec or message of their own. */
  changes: readonly { entry: string; spec?: string; message?: string }[];
}

/** A published run, identified by its claim. */
export interface TakenRun {
  runId: string;
  entry: string;
  token: string;
  /** The entry (or `g`) whose end fired it, for a callback; else ''. */
  source: string;
}

/** The end of an entry, as it is stored from outside its run. */
export interface StoredEnd {
  outcome: Outcome | 'backed-off';
  /** The output or error as JSON; of a run that backed off as a run reports it. */
  payload: string;
  /** The bytes that the payload stands for, when it only refers to a list. Default: its own size. */
  size?: number | undefined;
  /** The round of this group in which the nested group ran that reports its end; '' for other entries. */
  round?: number | '' | undefined;
  /** True if the entry began in any case, also when nobody has reported that. Default: only when somebody has. */
  began?: boolean | undefined;
}

/** The state in which another process left an entry. */
type Left = Pick<DueReply['entries'][number], 'entry' | 'state' | 'process' | 'runId'>;

// Keys outlive their retention by this time. The reconciler normally removes them before, without blocking Redis; expiry
// is the safety net.
const graceMs = 1_000;
/** The number of processes in the list of reconcilers, which holds the latest ones. */
const reconcilersAtMost = 1_000;

/** Creates the secret from which a group's claims are made. The metadata of one item is not enough to claim another one. */
export function newSecret(): string {
  return randomUUID();
}

function fieldsOf(group: NewGroup, settings: Settings): (string | number)[] {
  const fields: (string | number)[] = [
    field.kind,
    group.kind,
    field.name,
    group.name,
    field.secret,
    group.secret,
    field.closed,
    group.closed ? 1 : 0,
  ];
  fields.push(...encodeConfig(group));
  // In another group the retention of the outermost one counts.
  const retention = group.parent?.retention ?? group.retention ?? {};
  const { finishedMs = settings.finishedMs, abandonedMs = settings.abandonedMs } = retention;
  if (group.labels) fields.push(field.labels, JSON.stringify(group.labels));
  fields.push(field.retention, finishedMs, field.grace, graceMs, field.abandonedAfter, abandonedMs);
  // 0 means that the group is complete, so the cursor is stored plus 1: its first task may be added after its creation.
  fields.push(field.buildCursor, group.building === undefined ? 0 : group.building + 1);
  if (group.suspended !== undefined) fields.push(field.flags, 'S', field.suspensionVersion, group.suspended);
  if (group.options) fields.push(field.options, group.options);
  if (group.runOptions) fields.push(field.runOptions, group.runOptions);
  const { parent, above, successCallbacks, errorCallbacks } = group;
  if (parent)
    fields.push(field.parentId, parent.groupId, field.parentEntry, parent.entry, field.parentRound, parent.round ?? 0);
  if (above) fields.push(field.above, JSON.stringify(above));
  if (successCallbacks.length > 0) fields.push(field.successCallbacks, JSON.stringify(successCallbacks));
  if (errorCallbacks.length > 0) fields.push(field.errorCallbacks, JSON.stringify(errorCallbacks));
  return fields;
}

/** Typed calls of the scripts that change a group. Every change of state goes through this class. */
export class GroupStore {
  readonly keys: Keys;
  /** The index of the groups that are in no other group. */
  readonly topLevelIndex: TopLevelIndex;
  /** The id by which leases name this process. */
  readonly process: string;
  /** The identity of the store: instances with the same identity share all state. */
  readonly identity: string;
  private readonly scripts: ScriptCalls;
  private readonly executions: Executions;

  /** @param listeners - are called for changes that no caller awaits */
  constructor(
    readonly redis: RedisConnection,
    readonly settings: Settings,
    tenant: string,
    namespace: string,
    listeners: StoreListeners = {},
  ) {
    const scripts = new ScriptCalls(redis, settings, new Keys(settings.keyPrefix, tenant, namespace), listeners);
    this.scripts = scripts;
    this.executions = new Executions(scripts);
    this.keys = scripts.keys;
    this.topLevelIndex = scripts.topLevelIndex;
    this.process = scripts.process;
    this.identity = scripts.identity;
  }

  /** The time and timers of the instance. */
  get clock(): Clock {
    return this.settings.clock;
  }

  /** Checks the storage format again. @throws StoreFormatError when a newer version has raised it */
  recheckFormat(): Promise<void> {
    return this.redis.recheck();
  }

  /** Puts a group into the reconciler index, see `ScriptCalls.register`. */
  register(id: string, withinMs?: number): Promise<void> {
    return this.scripts.register(id, withinMs);
  }

  /**
   * Writes a new group, and starts it if `run` is given.
   *
   * @param run - its message as JSON ('' for none), and the channel on which this process receives its end
   * @returns `created`: false when the group existed already. `building`: the position of the task to add next; -1 when the
   *   group is complete
   */
  async create(
    group: NewGroup,
    specs: readonly string[],
    run?: { message: string; endChannel?: string | undefined },
  ): Promise<{ created: boolean; building: number; effects: Effects }> {
    const fields = fieldsOf(group, this.settings);
    if (run?.message) fields.push(field.message, run.message, field.messageSet, 1);
    if (run?.endChannel) fields.push(field.endChannel, run.endChannel);
    if (group.kind === 'task' && specs[0] && unpackSpec(specs[0]).group === 'root') fields.push(field.itemKind, 'root');
    const listed = group.parent === undefined;
    await Promise.all([run && this.scripts.register(group.id), listed && this.topLevelIndex.add(group.id)]);
    const reply = await this.scripts.call(run ? 'createRun' : 'create', group.id, [
      fields.length / 2,
      ...fields,
      ...specs,
    ]);
    const created = reply[0] === 'created';
    // A group of the same key may have been listed, found to have expired, and be about to be removed from the index. Adding
    // it again prevents that. If this fails, the first entry suffices in most cases.
    if (created && listed && isKeyed(group.id)) await this.topLevelIndex.add(group.id, true).catch(() => undefined);
    return { created, building: Number(reply[6] ?? -1), effects: toEffects(reply) };
  }

  /** Appends items, each with its spec, its key and its own message ('' or undefined for none). */
  async add(id: string, items: readonly { spec: string; key: string; message?: string }[], flags: AddFlags) {
    if (flags.run) await this.scripts.register(id);
    const args = items.flatMap((item) => [item.spec, item.key, item.message ?? '']);
    const { run, close, place = '', last } = flags;
    const reply = await this.scripts.call('add', id, [run ? 1 : 0, close ? 1 : 0, place, last ? 1 : 0, ...args]);
    const code = reply[0] as 'added' | 'moved' | 'missing' | 'closed' | 'finished';
    if (code === 'moved') return { code, place: Number(reply[1]) };
    if (code !== 'added') return { code };
    const effects = toEffects(reply);
    return {
      code,
      effects,
      indexes: (reply[6] as string[]).map(Number),
      added: Number(reply[7]),
      total: effects.total,
    };
  }

  /**
   * Starts a group for a user. A nested group does not start; then its parent and its entry there are returned.
   *
   * @param message - as JSON
   * @param options - run options of its items
   * @param ready - the nested group has been made ready in its parent: its message is stored until it gets its slot
   * @param endChannel - the channel on which this process receives the end of the group
   */
  async run(
    id: string,
    message: string,
    {
      options,
      ready = false,
      endChannel = '',
    }: { options?: StoredRunOptions | undefined; ready?: boolean; endChannel?: string | undefined } = {},
  ) {
    await this.scripts.register(id);
    const packed = options ? JSON.stringify(options) : '';
    const reply = await this.scripts.call('run', id, [message, packed, '', ready ? 'ready' : '', '', '', endChannel]);
    if (reply[0] !== 'nested') return this.startReply(reply);
    const parent = { groupId: String(reply[1]), entry: String(reply[2]) };
    return { code: 'nested' as const, parent, effects: toEffects([]) };
  }

  /** Starts a nested group that got its slot. Without a message, only its ready items start. */
  async runNested(id: string, message: string, parent: NonNullable<NewGroup['parent']>, above: Above) {
    await this.scripts.register(id);
    return this.startReply(
      await this.scripts.call('run', id, [
        message,
        '',
        parent.groupId,
        parent.entry,
        JSON.stringify(above),
        parent.round ?? 0,
        '',
        parent.retention?.abandonedMs ?? '',
      ]),
    );
  }

  /**
   * Puts a group that was not started into another one.
   *
   * @returns 'already-member' when it was in that group before; 'missing' or 'started' when it can't be moved, with the
   *   group that it is in, if any
   */
  async adopt(id: string, parent: { id: string; name: string }, entry = '') {
    const reply = await this.scripts.call('adopt', id, [parent.id, entry, '', parent.name, 0]);
    const code = reply[0] as 'adopted' | 'already-member' | 'missing' | 'started';
    return { code, in: String(reply[1] ?? ''), name: String(reply[2] ?? '') };
  }

  /**
   * Takes a group that was not started out of its parent.
   *
   * @param placed - take it out even if it has an entry there, because the parent does not exist
   */
  async disown(id: string, parent: string, placed = false): Promise<void> {
    await this.scripts.call('adopt', id, ['', '', parent, '', placed ? 1 : 0]);
  }

  /**
   * Cancels a group: nothing more of it starts. The caller has to cancel its runs in the engine.
   *
   * @param lease - for 'unfilled': the lease under which it was to be filled; '' for any that is over
   */
  async cancel(id: string, by: CancelledBy, lease = '') {
    return this.scripts.expectCode(await this.scripts.call('cancel', id, [by, lease]), [
      'cancelled',
      'ended',
      'missing',
    ] as const);
  }

  /** Cancels one entry: it never starts. The caller has to cancel its run in the engine. */
  async cancelEntry(id: string, entry: string) {
    const codes = ['cancelled', 'cancelling', 'ended', 'missing'] as const;
    return this.scripts.expectCode(await this.scripts.call('cancelEntry', id, [entry], entry), codes);
  }

  /** Stores that the parent was notified of the end of a group. */
  async parentNotified(id: string) {
    return this.scripts.expectCode(await this.scripts.call('parentNotified', id, []), ['noticed', 'missing'] as const);
  }

  /**
   * Allows a group to expire because its parent has ended or is gone. Cancels it if it was never started.
   *
   * @param retentionMs - for how long its outermost group is kept; without it, its own retention counts
   */
  async release(id: string, retentionMs?: number) {
    await this.scripts.register(id);
    const codes = ['released', 'missing'] as const;
    const reply = this.scripts.expectCode(await this.scripts.call('release', id, [retentionMs ?? '']), codes);
    // The reconciler stops looking after a group that has ended and waits for its parent. The group may have ended since the
    // first registration.
    if (reply.code === 'released') await this.scripts.register(id);
    return reply;
  }

  /** Keeps a nested group from expiring while its parent lives. @returns whether groups are below it */
  async retain(id: string): Promise<boolean> {
    return (await this.scripts.call('retain', id, ['child']))[1] === '1';
  }

  /** Stores that the groups below a group have been kept from expiring. */
  async markChildrenRetained(id: string): Promise<void> {
    await this.scripts.call('retain', id, ['parent']);
  }

  /** Sets the expiry of an ended group, after that of the groups below it. */
  async expire(id: string): Promise<void> {
    await this.redis.call('expire', this.keys.group(id), [this.process, this.settings.leaseMs]);
  }

  /**
   * Suspends or resumes a group.
   *
   * @param version - the version of a suspend or resume that is propagated from a group above; '' for a new one
   */
  async suspend(id: string, suspended: boolean, version = '') {
    const reply = await this.scripts.call('suspend', id, [suspended ? 1 : 0, version]);
    return suspension(
      this.scripts.expectCode(reply, ['suspended', 'resumed', 'ended', 'older', 'missing'] as const),
      reply,
    );
  }

  /** Suspends or resumes one entry of a group. */
  async suspendEntry(id: string, entry: string, suspended: boolean) {
    const reply = await this.scripts.call('suspendEntry', id, [entry, suspended ? 1 : 0], entry);
    return suspension(this.scripts.expectCode(reply, ['suspended', 'resumed', 'ended', 'missing'] as const), reply);
  }

  /**
   * Stores that the groups below a group have followed its suspensions.
   *
   * @param words - the epoch of suspensions that they have followed; the call has no effect if the epoch has changed since
   */
  async suspensionPropagated(id: string, words: string): Promise<void> {
    await this.scripts.call('suspensionPropagated', id, [words]);
  }

  /** Takes back runs in which no body has begun. */
  async withdraw(id: string, entries: readonly string[]) {
    return this.scripts.expectCode(await this.scripts.call('withdraw', id, entries), ['withdrawn', 'missing'] as const);
  }

  /** Changes how a group runs its items. An undefined value stays as it is; null removes a limit. */
  async update(id: string, config: ConfigChange) {
    const reply = await this.scripts.call('update', id, encodeChange(config));
    return this.scripts.expectCode(reply, ['updated', 'finished', 'missing'] as const);
  }

  /**
   * Prepares the retry of an ended group: makes items ready that failed, were cancelled or never started. Each call handles
   * a part; repeat it until it no longer returns 'continue'.
   *
   * @param by - the parent that retries it; undefined for a user; 'more' to continue a retry
   * @param chosen - begins a retry in which only the items of `retrySome` become ready, or completes it as its lease's holder
   * @returns 'changed' when the items were chosen in an earlier round, 'leased' while another call chooses items
   */
  async retry(id: string, by?: RetriedBy | 'more', chosen?: ChosenBy) {
    await this.scripts.register(id);
    const parent = by === 'more' ? undefined : by;
    const { round = '', reopen = false, above, message = '' } = parent ?? {};
    const who = by === 'more' ? by : parent ? 'parent' : 'user';
    const reply = await this.scripts.call('retry', id, [
      who,
      round,
      reopen ? 1 : 0,
      above ? JSON.stringify(above) : '',
      chosen?.lease ?? '',
      chosen?.round ?? '',
      message,
    ]);
    const codes = ['continue', 'retried', 'nested', 'unfinished', 'none', 'missing', 'leased', 'changed'] as const;
    return { ...this.scripts.expectCode(reply, codes), items: Number(reply[6] ?? 0), round: Number(reply[7] ?? 0) };
  }

  /**
   * Makes chosen items ready, in a retry that `retry` has begun with the same lease. Extends the lease.
   *
   * @returns 'lost' when the lease was over and the retry was completed without the rest; `from`: the index of the first item
   *   that is not decided yet; `items`: how many were chosen in all
   */
  async retrySome(id: string, lease: string, { from, row, changes }: ChosenPart) {
    const changed = changes.flatMap(({ entry, spec = '', message = '' }) => [entry, spec, message]);
    const reply = await this.scripts.call('retrySome', id, [lease, from, row, ...changed]);
    const { code, effects } = this.scripts.expectCode(reply, ['continue', 'lost', 'missing'] as const);
    return { code, effects, from: Number(reply[6] ?? 0), items: Number(reply[7] ?? 0) };
  }

  /**
   * Takes the lease of a call that fills a group.
   *
   * @param isTimed - false for a lease that lasts as long as the body of a root, which is not extended
   * @returns 'closed' when nothing can be added any more; 'waits' when another call has the lease for so many ms
   */
  async takeLease(id: string, lease: string, isTimed = true) {
    await this.scripts.register(id);
    const [code, ms] = await this.scripts.call('takeLease', id, [lease, isTimed ? 1 : 0]);
    return { code: code as 'leased' | 'closed' | 'missing' | 'waits', ms: Number(ms ?? 0) };
  }

  /** Extends a lease on a group. @returns false when the caller has it no longer */
  async extendLease(id: string, lease: string): Promise<boolean> {
    const args = [this.process, this.settings.leaseMs, lease];
    return (await this.redis.call('extendLease', this.keys.group(id), args)) === 1;
  }

  /** Makes an ended root wait for its children again. @param round - the round in which these are retried */
  async reopen(id: string, { entry, child, round }: { entry: string; child: string; round: number }) {
    await this.scripts.register(id);
    const codes = ['reopened', 'nested', 'unfinished', 'missing'] as const;
    return this.scripts.expectCode(await this.scripts.call('reopen', id, [entry, child, round], entry), codes);
  }

  /**
   * Fires failed callbacks of a group again. Each call handles a part; repeat it until `from` is undefined.
   *
   * @param source - the entry that fired them, 'g' for the group itself, '' for all
   * @param from - the first number to look at and the number to stop before, as the previous call returned them
   */
  async retryCallbacks(id: string, source: string, from?: { next: number; stop: number }) {
    await this.scripts.register(id);
    const reply = await this.scripts.call('retryCallbacks', id, [source, from?.next ?? 0, from?.stop ?? '']);
    const next = String(reply[7] ?? '');
    return {
      ...this.scripts.expectCode(reply, ['fired', 'missing'] as const),
      fired: Number(reply[6] ?? 0),
      from: next === '' ? undefined : { next: Number(next), stop: Number(reply[8]) },
      retains: reply[9] === 1,
    };
  }

  /** Stores that everything to which an ended group refers was kept from expiring, for as long as its callbacks run. */
  async retained(id: string) {
    return this.scripts.expectCode(await this.scripts.call('retentionDone', id, []), ['retained', 'missing'] as const);
  }

  /** Removes a group that has ended or was never started. The names of the groups below it are kept for the caller. */
  async remove(id: string, by: 'user' | 'parent') {
    const entry = await this.topLevelIndex.find(id);
    const reply = await this.scripts.call('remove', id, [by]);
    const code = reply[0] as 'removed' | 'missing' | 'started' | 'nested';
    // A new group of the same idempotency key may be in the index by now.
    if (code === 'removed' && entry) await this.topLevelIndex.drop([entry]);
    return { code, total: Number(reply[1]) || 0 };
  }

  /**
   * Keeps an ended group again that had begun to expire, because a group that refers to it is retried.
   *
   * @returns whether it is kept
   */
  async retainAgain(id: string): Promise<boolean> {
    const [code, , total] = await this.scripts.call('retain', id, ['retain']);
    if (code !== 'kept') return false;
    await this.scripts.bindLifetimes(id, this.scripts.buckets(id, Number(total)));
    return true;
  }

  /** Makes the results of a group live as long as the group. */
  async bindResultLifetimes(id: string, total: number): Promise<void> {
    await this.scripts.bindLifetimes(id, this.scripts.buckets(id, total));
  }

  async runItem(id: string, index: number, message: string) {
    await this.scripts.register(id);
    return this.startReply(await this.scripts.call('runItem', id, [index, message]));
  }

  /**
   * Closes a group.
   *
   * @param round - closes it only in this round of its parent; '' in any round
   * @param filling - set when the group was filled under a lease
   * @returns 'lost' when another call than the caller fills it; 'unfilled' when it was not filled completely, and stays open
   */
  async close(id: string, round: number | '' = '', { filledBy = '', endsFilling = '' }: Filling = {}) {
    const reply = await this.scripts.call('close', id, [round, filledBy, endsFilling]);
    return this.scripts.expectCode(reply, ['closed', 'missing', 'lost', 'unfilled'] as const);
  }

  /** Claims an entry for an execution, see `Executions.start`. */
  start(...args: Parameters<Executions['start']>): ReturnType<Executions['start']> {
    return this.executions.start(...args);
  }

  /** Completes the entry of an execution, or gives it back for another attempt, see `Executions.finish`. */
  finish(...args: Parameters<Executions['finish']>): ReturnType<Executions['finish']> {
    return this.executions.finish(...args);
  }

  /** Grants free slots to ready items. @param plannedAt - the time for which this process had planned it */
  async grant(id: string, plannedAt?: number) {
    return this.startReply(await this.scripts.call('grant', id, [plannedAt ?? '']));
  }

  /** Makes a group start nothing for some ms. Of several pauses the latest end counts. */
  async pause(id: string, ms: number) {
    await this.scripts.register(id);
    return this.scripts.expectCode(await this.scripts.call('pause', id, [ms]), ['paused', 'missing'] as const);
  }

  /**
   * Completes an entry from outside its own run.
   *
   * @param runId - the run that ended; '' for an entry that was never published, 'g:' and its id for a group
   */
  async complete(id: string, entry: string, runId: string, end: StoredEnd) {
    const { outcome, payload, size = Buffer.byteLength(payload), round = '', began = false } = end;
    const args = [entry, runId, outcome, payload, size, round, began ? 1 : 0];
    const reply = this.scripts.expectCode(await this.scripts.call('complete', id, args, entry), [
      'ended',
      'backed-off',
      'refused',
      'unknown',
    ] as const);
    if (reply.code === 'ended' && reply.effects.outcome === 'failed') this.scripts.reportFailedCallback(id, entry);
    return reply;
  }

  /**
   * Reports that this process could not publish a granted entry. The entry ends as failed after `most` publications.
   *
   * @param most - the maximum number of publications of an entry, by all processes together
   */
  async failPublication(id: string, entry: string, most: number, payload: string) {
    const codes = ['retry', 'ended', 'refused', 'unknown'] as const;
    const reply = this.scripts.expectCode(
      await this.scripts.call('failPublication', id, [entry, most, payload], entry),
      codes,
    );
    if (reply.code === 'ended') this.scripts.reportFailedCallback(id, entry);
    return reply;
  }

  async confirm(id: string, pairs: readonly string[]) {
    return this.scripts.expectCode(await this.scripts.call('confirm', id, packedPairs(pairs)), [
      'confirmed',
      'missing',
    ] as const);
  }

  async renew(id: string, entries: readonly string[], forMs: number): Promise<void> {
    await this.redis.call('renew', this.keys.group(id), [this.process, forMs, ...entries]);
  }

  /**
   * Grants an entry again because no worker took its run in time. This can be repeated.
   *
   * @param waitedMs - how long that run waited for a worker, in milliseconds
   * @returns 'over' when no worker has taken the entry for `retention.abandonedMs`, 'stopped' when its group starts nothing
   *   more; `waitedMs`: for how long no worker has taken it, over all its runs
   */
  async regrantUntaken(id: string, of: { entry: string; run: string; process: string }, waitedMs: number) {
    const { entry, run, process } = of;
    const reply = await this.scripts.call('regrantUntaken', id, [entry, process, run, Math.round(waitedMs)], entry);
    const { code, effects } = this.scripts.expectCode(reply, [
      'granted',
      'over',
      'stopped',
      'refused',
      'unknown',
    ] as const);
    return { code, effects, waitedMs: Number((code === 'over' ? reply[1] : reply[6]) ?? 0) };
  }

  /**
   * Takes over the publication of entries. If they are large, only the first ones are handled, so that Redis is not blocked.
   *
   * @returns for each handled entry, whether its state was as expected and it was taken over; all false if the group is gone
   */
  async regrantSome(id: string, left: readonly Left[]) {
    const args = left.map(({ entry, state, process, runId }) => `${entry}|${state}|${process}|${runId}`);
    const reply = await this.scripts.call('regrant', id, args);
    const { code, effects } = this.scripts.expectCode(reply, ['granted', 'unknown'] as const);
    const expected = code === 'unknown' ? left.map(() => false) : (reply[6] as number[]).map((answer) => answer === 1);
    return { code, expected, effects };
  }

  /** Returns what the reconciler has to do for a group; changes no entry. @param limit - the maximum number of entries */
  async due(id: string, limit: number): Promise<DueReply> {
    return toDue(await this.scripts.call('due', id, [limit, 0, '']));
  }

  /**
   * Does the same, and makes the entries due again after another lease, so that the next call returns other entries.
   *
   * @param until - only entries that were due at this time, in ms; '' for now
   */
  async takeDueEntries(id: string, limit: number, until: number | '' = ''): Promise<DueReply> {
    return toDue(await this.scripts.call('due', id, [limit, 1, until]));
  }

  /**
   * Takes entries that another process was to publish and whose lease has run out.
   *
   * @param passed - how many due entries to skip
   * @param limit - how many to inspect after these
   * @param until - the latest time at which their lease ran out, in ms
   */
  async takeLeft(id: string, passed: number, limit: number, until: number) {
    const [looked, entries] = await this.scripts.call('expiredPublications', id, [passed, limit, until]);
    return { looked: Number(looked), entries: toEntries(entries as string[]) };
  }

  /** Returns for each run that the engine accepted before Redis came back, whether its end is unknown to Redis. */
  async unsure(id: string, runs: readonly TakenRun[]): Promise<boolean[]> {
    const args = runs.map(({ entry, token, runId, source }) => `${entry}|${token}|${runId}|${source}`);
    return (await this.scripts.call('unsure', id, args)).map((answer) => answer === 1);
  }

  /** Gives all results of a finished group the time to live of its other keys. The scripts do it for a single bucket. */
  async expireResults(id: string, total: number): Promise<void> {
    if (total <= bucketSize) return;
    await this.scripts.bindLifetimes(id, this.scripts.buckets(id, total));
  }

  /** Removes a group whose retention is over, without blocking Redis. @returns whether it is gone */
  async forget(id: string, total: number): Promise<boolean> {
    const entry = await this.topLevelIndex.find(id);
    if ((await this.redis.call('forget', this.keys.group(id), [this.process, this.settings.leaseMs])) !== 1)
      return false;
    if (entry) await this.topLevelIndex.drop([entry]);
    await this.scripts.bindLifetimes(id, this.scripts.buckets(id, total));
    return true;
  }

  /**
   * Removes a group that could not be built completely.
   *
   * @returns false when the group has another secret, or another call has continued with it
   */
  async discard({ id, secret }: Pick<NewGroup, 'id' | 'secret'>): Promise<boolean> {
    const entry = await this.topLevelIndex.find(id);
    const [code] = await this.scripts.call('discard', id, [secret]);
    if (code === 'discarded' && entry) await this.topLevelIndex.drop([entry]);
    return code !== 'kept';
  }

  /** Removes the keys that `remove` leaves. A new group of the same idempotency key may exist by now; its keys are kept. */
  async forgetRest(id: string, total: number): Promise<void> {
    await this.scripts.bindLifetimes(id, [this.keys.callbacks(id), ...this.scripts.buckets(id, total)]);
  }

  /** Makes the scripts publish the ends of a group's items for this time. */
  async publishEnds(id: string, forMs: number): Promise<void> {
    await this.redis.call('watch', [this.keys.state(id)], [forMs]);
  }

  /**
   * Stores which server keeps the data. After a change of servers the last writes may be lost.
   *
   * @param before - the server run that this process knew before; '' for none
   * @returns `lostAt`: since when the new server runs, if it has changed. `noticedAt`: when this was noticed first. `first`:
   *   whether this call noticed it first. `now`: the time of Redis. All in ms
   */
  async seen({ run, upMs }: Pick<Server, 'run' | 'upMs'>, before: string) {
    const life = this.settings.abandonedMs;
    const reply = await this.redis.call('noteServer', [this.keys.server()], [run, before, upMs, life]);
    const [at, first, now, noticedAt] = reply as [string, number, string, string];
    const lostAt = at === '' ? undefined : Number(at);
    return { lostAt, noticedAt: Number(noticedAt), first: first === 1, now: Number(now) };
  }

  /**
   * Renews the heartbeat of this process, so that no other process takes over its publications.
   *
   * @param stuckMs - for how long its oldest publication has made no progress, in ms
   */
  async beat(stuckMs = 0): Promise<void> {
    const key = this.keys.process(this.process);
    const text = String(Math.round(stuckMs));
    await this.redis.use('set', (client) => client.set(key, text, 'PX', this.settings.leaseMs));
  }

  /**
   * Stores that this process begins a pass of its reconciler.
   *
   * @param countsForMs - for how long this process counts as one that reconciles, in ms
   */
  async notePass(countsForMs: number): Promise<void> {
    const keptMs = Math.max(this.settings.abandonedMs, countsForMs);
    const args = [`${this.process} ${countsForMs}`, keptMs, reconcilersAtMost];
    await this.redis.call('notePass', [this.keys.reconcilers()], args);
  }

  /**
   * Reads the heartbeat of a process.
   *
   * @returns `aliveMs`: for how long it still counts as alive, 0 when it is dead. `stuckMs`: as it last reported to `beat`
   */
  async readHeartbeat(process: string): Promise<{ aliveMs: number; stuckMs: number }> {
    const key = this.keys.process(process);
    const [left, stuckMs] = await this.redis.use('pttl', (client) => Promise.all([client.pttl(key), client.get(key)]));
    return { aliveMs: Math.max(0, left), stuckMs: Number(stuckMs ?? 0) };
  }

  private startReply(reply: Reply[]) {
    return this.scripts.expectCode(reply, ['started', 'granted', 'missing', 'already-started', 'finished'] as const);
  }
}

/** Adds the version of the suspension to a reply, and whether groups below have to follow it. */
function suspension<C>(reply: C, raw: readonly Reply[]) {
  return { ...reply, version: String(raw[6] ?? ''), nested: raw[7] === '1' };
}
