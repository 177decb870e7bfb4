import { encodeConfig, type ConfigChange } from '../config/swarm-config';
import { randomUUID } from 'node:crypto';
import { GroupExecutions, packedPairs } from './group-executions';
import { isKeyed } from './ids';
import { bucketSize } from './keys';
import type { Settings } from '../config/options';
import type { Reply, Server } from './connection';
import { unpackSpec } from './spec';
import { toDue, toEntries, toEffects, type DueReply, type Outcome, type Effects } from './replies';

export type GroupKind = 'task' | 'swarm' | 'chain' | 'root';

/** What a group sits in: the nearest swarm, chain and root above it, and the root's run in the engine. */
export interface Above {
  swarm?: string;
  swarmName?: string;
  chain?: string;
  root?: string;
  parentRun?: string;
  parentTask?: string;
}

/**
 * Who cancels a group: a user this very one, or the group that it sits in: when it is cancelled, or (what was never started)
 * when it stops. Or nobody does: its time is over, or nothing has happened in it for too long.
 */
export type CancelledBy = 'user' | 'parent' | 'stop' | 'timeout' | 'abandoned';

export interface NewGroup extends ConfigChange {
  id: string;
  kind: GroupKind;
  name: string;
  secret: string;
  closed: boolean;
  /** How many of its tasks come with its creation, when more are to be added before it is whole. */
  building?: number;
  maxConcurrency: number;
  /** Run options that items without their own get, as JSON. */
  options?: string;
  /** The same of the run that it is made for, over those. */
  runOptions?: string;
  successCallbacks: readonly string[];
  errorCallbacks: readonly string[];
  /** The entry of another group that it is, and how often that group has been tried again. */
  parent?: { groupId: string; entry: string; round?: number };
  above?: Above;
  /** Set when it is suspended from its beginning: the version of that word. */
  suspended?: string;
}

/** How items are added: made ready at once, and (while a group is being made) as which of its tasks. */
export interface AddFlags {
  run?: boolean;
  close?: boolean;
  place?: number;
  last?: boolean;
}

/** A run that was published, by its claim. */
export interface TakenRun {
  runId: string;
  entry: string;
  token: string;
  /** Whose end fired it, for a callback; else ''. */
  source: string;
}

/** What identifies the state in which somebody left an entry. */
type Left = Pick<DueReply['entries'][number], 'entry' | 'state' | 'process' | 'runId'>;

// Keys outlive their retention by this much: the reconciler removes them in time without blocking Redis; expiry is the net.
const graceMs = 1_000;

/** The secret from which a group's claims are made; nobody who only sees metadata of one item can make another's. */
export function newSecret(): string {
  return randomUUID();
}

function fieldsOf(group: NewGroup, { finishedMs, abandonedMs }: Settings): (string | number)[] {
  const fields: (string | number)[] = [
    'k',
    group.kind,
    'n',
    group.name,
    'sec',
    group.secret,
    'cl',
    group.closed ? 1 : 0,
  ];
  fields.push(...encodeConfig(group));
  fields.push('ret', finishedMs, 'grace', graceMs, 'ttl', abandonedMs);
  // None is no place: the first of its tasks may come after its creation.
  fields.push('bld', group.building === undefined ? 0 : group.building + 1);
  if (group.suspended !== undefined) fields.push('fl', 'S', 'sv', group.suspended);
  if (group.options) fields.push('opt', group.options);
  if (group.runOptions) fields.push('ropt', group.runOptions);
  const { parent, above, successCallbacks, errorCallbacks } = group;
  if (parent) fields.push('pg', parent.groupId, 'pe', parent.entry, 'prd', parent.round ?? 0);
  if (above) fields.push('ctx', JSON.stringify(above));
  if (successCallbacks.length > 0) fields.push('cs', JSON.stringify(successCallbacks));
  if (errorCallbacks.length > 0) fields.push('ce', JSON.stringify(errorCallbacks));
  return fields;
}

/** Typed calls of the scripts that change a group. All state changes go through here. */
export class GroupStore extends GroupExecutions {
  /** Writes a new group. `building` is the place of the task that is to be added to it next; -1 when it is whole. */
  async create(
    group: NewGroup,
    specs: readonly string[],
    run?: { message: string; heardOn?: string | undefined },
  ): Promise<{ created: boolean; building: number; effects: Effects }> {
    const fields = fieldsOf(group, this.settings);
    if (run?.message) fields.push('msg', run.message, 'mv', 1);
    if (run?.heardOn) fields.push('hd', run.heardOn);
    if (group.kind === 'task' && specs[0] && unpackSpec(specs[0]).group === 'root') fields.push('ik', 'root');
    const listed = group.parent === undefined;
    await Promise.all([run && this.register(group.id), listed && this.topLevelIndex.add(group.id)]);
    const reply = await this.call(run ? 'createRun' : 'create', group.id, [fields.length / 2, ...fields, ...specs]);
    const created = reply[0] === 'created';
    // One of this key may have stood there, and been found to be gone meanwhile. It is listed in most cases as it is.
    if (created && listed && isKeyed(group.id)) await this.topLevelIndex.add(group.id, true).catch(() => undefined);
    return { created, building: Number(reply[6] ?? -1), effects: toEffects(reply) };
  }

  /** Appends items, each with its spec, its key and its own message ('' for none). */
  async add(id: string, items: readonly { spec: string; key: string; message?: string }[], flags: AddFlags) {
    if (flags.run) await this.register(id);
    const args = items.flatMap((item) => [item.spec, item.key, item.message ?? '']);
    const { run, close, place = '', last } = flags;
    const reply = await this.call('add', id, [run ? 1 : 0, close ? 1 : 0, place, last ? 1 : 0, ...args]);
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
   * Starts a group for a user. One that sits in another group is named with its place there instead.
   * @param ready - it has been made ready there: the message is kept until it gets its slot
   * @param heardOn - the channel on which this process hears of its end
   */
  async run(id: string, message: string, options = '', { ready = false, heardOn = '' } = {}) {
    await this.register(id);
    const reply = await this.call('run', id, [message, options, '', ready ? 'ready' : '', '', '', heardOn]);
    if (reply[0] !== 'nested') return this.startReply(reply);
    const parent = { groupId: String(reply[1]), entry: String(reply[2]) };
    return { code: 'nested' as const, parent, effects: toEffects([]) };
  }

  /** Starts a group that got its slot in another one; without a message, what is ready in it. */
  async runNested(id: string, message: string, parent: NonNullable<NewGroup['parent']>, above: Above) {
    await this.register(id);
    return this.startReply(
      await this.call('run', id, [
        message,
        '',
        parent.groupId,
        parent.entry,
        JSON.stringify(above),
        parent.round ?? 0,
        '',
      ]),
    );
  }

  /**
   * Puts a group that nobody has started into another one.
   * @returns 'already-member' when it was in there before, or why it could not: it is missing, or started or in another one
   */
  async adopt(id: string, parent: { id: string; name: string }, entry = '') {
    const reply = await this.call('adopt', id, [parent.id, entry, '', parent.name, 0]);
    const code = reply[0] as 'adopted' | 'already-member' | 'missing' | 'started';
    return { code, in: String(reply[1] ?? ''), name: String(reply[2] ?? '') };
  }

  /**
   * Takes a group that nobody has started out of the one it was put into.
   * @param placed - also when it has its place in there, as there is no such group
   */
  async disown(id: string, parent: string, placed = false): Promise<void> {
    await this.call('adopt', id, ['', '', parent, '', placed ? 1 : 0]);
  }

  /** Lets nothing of a group start any more; what runs is for the caller to cancel. */
  async cancel(id: string, by: CancelledBy) {
    return this.expectCode(await this.call('cancel', id, [by]), ['cancelled', 'ended', 'missing'] as const);
  }

  /** Lets one entry never start; what runs of it is for the caller to cancel. */
  async cancelEntry(id: string, entry: string) {
    const codes = ['cancelled', 'cancelling', 'ended', 'missing'] as const;
    return this.expectCode(await this.call('cancelEntry', id, [entry], entry), codes);
  }

  /** Notes that a group's parent has heard of its end. */
  async parentNotified(id: string) {
    return this.expectCode(await this.call('parentNotified', id, []), ['noticed', 'missing'] as const);
  }

  /** Lets a group whose parent is over expire; ends it when it was never started. */
  async release(id: string) {
    await this.register(id);
    const reply = this.expectCode(await this.call('release', id, []), ['released', 'missing'] as const);
    // The reconciler leaves what ended and waits for its parent: it may have done so since.
    if (reply.code === 'released') await this.register(id);
    return reply;
  }

  /** Keeps a group in a living one from expiring. Whether there are groups below it. */
  async retain(id: string): Promise<boolean> {
    return (await this.call('retain', id, ['child']))[1] === '1';
  }

  /** Notes that the groups below one have been kept. */
  async markChildrenRetained(id: string): Promise<void> {
    await this.call('retain', id, ['parent']);
  }

  /** Lets an ended group expire after the groups below it. */
  async expire(id: string): Promise<void> {
    await this.redis.call('expire', this.keys.group(id), [this.process, this.settings.leaseMs]);
  }

  async runItem(id: string, index: number, message: string) {
    await this.register(id);
    return this.startReply(await this.call('runItem', id, [index, message]));
  }

  /** @param round - of its parent for which it is closed; in another one it stays as it is */
  async close(id: string, round: number | '' = '') {
    return this.startReply(await this.call('close', id, [round]));
  }

  async grant(id: string) {
    return this.startReply(await this.call('grant', id, []));
  }

  /**
   * @param size - the bytes that the payload stands for, when it only names a list
   * @param round - in which the group was run that tells its end
   */
  async complete(
    id: string,
    entry: string,
    runId: string,
    outcome: Outcome,
    payload: string,
    size?: number,
    round: number | '' = '',
  ) {
    const args = [entry, runId, outcome, payload, size ?? Buffer.byteLength(payload), round];
    const reply = this.expectCode(await this.call('complete', id, args, entry), [
      'ended',
      'refused',
      'unknown',
    ] as const);
    if (reply.code === 'ended' && reply.effects.outcome === 'failed') this.reportFailedCallback(id, entry);
    return reply;
  }

  /**
   * Notes that what this process was granted could not be put together: 'retry' while it may be tried once more.
   * @param most - how often an entry is published, by whichever process, before it ends as failed
   */
  async failPublication(id: string, entry: string, most: number, payload: string) {
    const codes = ['retry', 'ended', 'refused', 'unknown'] as const;
    const reply = this.expectCode(await this.call('failPublication', id, [entry, most, payload], entry), codes);
    if (reply.code === 'ended') this.reportFailedCallback(id, entry);
    return reply;
  }

  async confirm(id: string, pairs: readonly string[]) {
    return this.expectCode(await this.call('confirm', id, packedPairs(pairs)), ['confirmed', 'missing'] as const);
  }

  async renew(id: string, entries: readonly string[], forMs: number): Promise<void> {
    await this.redis.call('renew', this.keys.group(id), [this.process, forMs, ...entries]);
  }

  /**
   * Hands an entry out again that no worker took in time, as often as it takes: `waitedMs` says for how long nobody has.
   * @returns 'over' when that is longer than what nobody goes on with is kept, 'stopped' when its group has
   */
  async regrantUntaken(id: string, of: { entry: string; run: string; process: string }, waitedMs: number) {
    const { entry, run, process } = of;
    const reply = await this.call('regrantUntaken', id, [entry, process, run, Math.round(waitedMs)], entry);
    const { code, effects } = this.expectCode(reply, ['granted', 'over', 'stopped', 'refused', 'unknown'] as const);
    return { code, effects, waitedMs: Number((code === 'over' ? reply[1] : reply[6]) ?? 0) };
  }

  /** Takes over the publication of an entry. */
  async regrant(id: string, due: Left) {
    const { code, expected, effects } = await this.regrantSome(id, [due]);
    return { code: code === 'unknown' || expected[0] ? code : ('refused' as const), effects };
  }

  /**
   * Takes over the publication of entries, of the first ones when they are large.
   * @returns for each of the first ones whether it was as expected, and so was taken over; of a group that is gone, none is
   */
  async regrantSome(id: string, left: readonly Left[]) {
    const args = left.map(({ entry, state, process, runId }) => `${entry}|${state}|${process}|${runId}`);
    const reply = await this.call('regrant', id, args);
    const { code, effects } = this.expectCode(reply, ['granted', 'unknown'] as const);
    const expected = code === 'unknown' ? left.map(() => false) : (reply[6] as number[]).map((answer) => answer === 1);
    return { code, expected, effects };
  }

  /** What the reconciler has to do for a group. Changes nothing. */
  async due(id: string, limit: number): Promise<DueReply> {
    return toDue(await this.call('due', id, [limit, 0, '']));
  }

  /** The same; the entries are due again after another lease, so that who asks on gets others. @param until - when they were due */
  async takeDue(id: string, limit: number, until: number | '' = ''): Promise<DueReply> {
    return toDue(await this.call('due', id, [limit, 1, until]));
  }

  /** Takes what somebody had to publish of some entries that were due at a time, after so many of them. */
  async takeLeft(id: string, passed: number, limit: number, until: number) {
    const [looked, entries] = await this.call('expiredPublications', id, [passed, limit, until]);
    return { looked: Number(looked), entries: toEntries(entries as string[]) };
  }

  /** For each run that the engine took before Redis came back, whether Redis doesn't know what became of it. */
  async unsure(id: string, runs: readonly TakenRun[]): Promise<boolean[]> {
    const args = runs.map(({ entry, token, runId, source }) => `${entry}|${token}|${runId}|${source}`);
    return (await this.call('unsure', id, args)).map((answer) => answer === 1);
  }

  /** Gives the results of a finished group the time to live that its other keys, and a single bucket, got from the scripts. */
  async expireResults(id: string, total: number): Promise<void> {
    if (total <= bucketSize) return;
    await this.bindLifetimes(id, this.buckets(id, total));
  }

  /** Removes a group whose retention is over, without blocking Redis. Whether it is gone. */
  async forget(id: string, total: number): Promise<boolean> {
    const entry = await this.topLevelIndex.find(id);
    if ((await this.redis.call('forget', this.keys.group(id), [this.process, this.settings.leaseMs])) !== 1)
      return false;
    if (entry) await this.topLevelIndex.drop([entry]);
    await this.bindLifetimes(id, this.buckets(id, total));
    return true;
  }

  /** Removes a group that its maker can't complete. @returns false when it is another one's, or somebody has gone on with it */
  async discard({ id, secret }: Pick<NewGroup, 'id' | 'secret'>): Promise<boolean> {
    const entry = await this.topLevelIndex.find(id);
    const [code] = await this.call('discard', id, [secret]);
    if (code === 'discarded' && entry) await this.topLevelIndex.drop([entry]);
    return code !== 'kept';
  }

  /** Removes what the script leaves of a group that is removed; of its key, another group may have been made since. */
  async forgetRest(id: string, total: number): Promise<void> {
    await this.bindLifetimes(id, [this.keys.callbacks(id), ...this.buckets(id, total)]);
  }

  /** Asks for the ends of a group's items to be published for a while. */
  async publishEnds(id: string, forMs: number): Promise<void> {
    await this.redis.call('watch', [this.keys.state(id)], [forMs]);
  }

  /**
   * Notes which server keeps the data. Another one than before may have lost the last writes: since when it runs, when that was
   * noticed first, and whether this caller is the first.
   */
  async seen({ run, upMs }: Pick<Server, 'run' | 'upMs'>, before: string) {
    const life = this.settings.abandonedMs;
    const reply = await this.redis.call('noteServer', [this.keys.server()], [run, before, upMs, life]);
    const [at, first, now, noticedAt] = reply as [string, number, string, string];
    const lostAt = at === '' ? undefined : Number(at);
    return { lostAt, noticedAt: Number(noticedAt), first: first === 1, now: Number(now) };
  }

  /**
   * Says that this process is alive, so that nobody takes over what it still has to publish.
   * @param stuckMs - for how long it has got no further with that
   */
  async beat(stuckMs = 0): Promise<void> {
    const key = this.keys.process(this.process);
    const text = String(Math.round(stuckMs));
    await this.redis.use('set', (client) => client.set(key, text, 'PX', this.settings.leaseMs));
  }

  /**
   * What a process has said last of itself.
   * @returns for how long it counts as alive by that, in ms, 0 when it is dead; and for how long it had got no further then
   */
  async life(process: string): Promise<{ aliveMs: number; stuckMs: number }> {
    const key = this.keys.process(process);
    const [left, stuckMs] = await this.redis.use('pttl', (client) => Promise.all([client.pttl(key), client.get(key)]));
    return { aliveMs: Math.max(0, left), stuckMs: Number(stuckMs ?? 0) };
  }

  private startReply(reply: Reply[]) {
    return this.expectCode(reply, ['started', 'closed', 'granted', 'missing', 'already-started', 'finished'] as const);
  }
}
