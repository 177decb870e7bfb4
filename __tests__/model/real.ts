import { regrant } from '../helpers/store';
import { claimToken } from '../../src/store/executions';
import { newSecret, type GroupStore, type NewGroup } from '../../src/store/group-store';
import { GroupReader } from '../../src/store/group-reader';
import { newId } from '../../src/store/ids';
import { roundOf } from '../../src/store/end-log';
import type { RedisLike } from '../../src/store/connection';
import type { Effects } from '../../src/store/replies';
import { packSpec } from '../../src/store/spec';
import { TreeReader } from '../../src/store/tree-reader';
import type { Action, Config, NewItem } from './actions';
import type { Answer } from './unit';

const plain = packSpec({ task: 'callback' });
const withOwn = packSpec({ task: 'callback', errorCallbacks: [plain] });
/** The lease under which items are chosen. */
const lease = 'of the model';
const times = (n: number, what: string) => Array.from({ length: n }, () => what);
export const above = { groupId: 'above', entry: '7' };

function specOf({ onSuccess, onError }: NewItem): string {
  return packSpec({
    task: 'task',
    data: '{"bound":1}',
    successCallbacks: times(onSuccess, plain),
    errorCallbacks: times(onError, plain),
  });
}

// One command instead of eighteen; what names a time, or a second maker, is left out.
const dumpLua = `
local function sorted(flat, step)
  local list = {}
  for i = 1, #flat, step do list[#list + 1] = table.concat(flat, ' ', i, i + step - 1) end
  table.sort(list)
  return list
end
local held, ttls = {}, {}
for i, key in ipairs(KEYS) do
  local kind = redis.call('TYPE', key).ok
  if kind == 'hash' then held[i] = sorted(redis.call('HGETALL', key), 2)
  elseif kind == 'list' then held[i] = redis.call('LRANGE', key, 0, -1)
  elseif kind == 'zset' then held[i] = sorted(redis.call('ZRANGE', key, 0, -1), 1)
  elseif kind == 'string' then held[i] = string.gsub(redis.call('GET', key), '%z', '-')
  else held[i] = '' end
  ttls[i] = redis.call('PTTL', key)
end
local state = {}
for _, line in ipairs(held[1] == '' and {} or held[1]) do
  local name = string.match(line, '^%S+')
  if not ({ pr = 1, wv = 1, lr = 1, rt = 1, jn = 1, pc = 1, lun = 1 })[name] then state[#state + 1] = line end
end
held[1] = state
return { cjson.encode(held), ttls }`;

type Dump = (...keys: string[]) => Promise<[held: string, ttls: number[]]>;

/** Makes the dump a command of its own, so that its text is sent once. */
export function defineDump(client: RedisLike): void {
  client.defineCommand('modelDump', { lua: dumpLua, numberOfKeys: 10 });
}

/** Longer than any sequence takes, in ms: nothing is over but what an action lets be over. */
const hour = 3_600_000;
/** The places of the numbers by which the store paces a group. */
const pace = { countedAt: 1, pausedUntil: 4, idleSince: 5 };

/** One group in Redis, of which two processes take care. */
export class Real {
  readonly reader: GroupReader;
  readonly tree: TreeReader;
  readonly group: NewGroup;
  /** Whether chosen items of it are being made ready. */
  private isChosen = false;

  constructor(
    readonly stores: readonly [GroupStore, GroupStore],
    private readonly config: Config,
  ) {
    this.reader = new GroupReader(stores[0]);
    this.tree = new TreeReader(stores[0], this.reader);
    const { kind, closed, limit, stopAfter, ratio, keepResults, timeout, success, error, parent, burst, idle } = config;
    this.group = {
      id: newId(),
      kind,
      name: 'model',
      secret: newSecret(),
      closed,
      maxConcurrency: limit,
      stopAfterNFailures: stopAfter || null,
      stopAfterFailureRatio: ratio || null,
      timeoutMs: timeout ? hour : null,
      rateLimit: burst > 0 ? { limit: 1, perMs: hour, burst } : null,
      closeAfterIdleMs: idle ? hour : null,
      keepResults,
      successCallbacks: times(success, withOwn),
      errorCallbacks: times(error, withOwn),
      ...(parent ? { parent: { ...above, round: 0 } } : {}),
    };
  }

  get id(): string {
    return this.group.id;
  }

  async begin(): Promise<string[]> {
    const run = this.config.run ? { message: '{"of":"group"}' } : undefined;
    const { effects } = await this.stores[0].create(this.group, this.config.items.map(specOf), run);
    return answerOf('', effects).grants;
  }

  async perform(action: Action): Promise<{ answer: Answer; version?: number }> {
    const { id } = this;
    const store = this.stores[action.by]!;
    switch (action.do) {
      case 'create': {
        const group = action.sameCall ? this.group : { ...this.group, secret: newSecret() };
        const { created, effects } = await store.create(group, this.config.items.map(specOf));
        return { answer: answerOf(created ? 'created' : 'exists', effects) };
      }
      case 'add': {
        const items = action.items.map((item) => ({ spec: specOf(item), key: item.key, message: item.message }));
        const reply = await store.add(id, items, { run: action.run, close: action.close });
        if (reply.code !== 'added') return { answer: answerOf(reply.code) };
        const { indexes, added } = reply;
        return { answer: answerOf(reply.code, reply.effects, { indexes, added }) };
      }
      case 'run':
        return called(await store.run(id, action.message, { ready: action.ready }));
      case 'runNested': {
        const parent = action.rightful ? above : { ...above, groupId: 'another' };
        return called(await store.runNested(id, action.message, { ...parent, round: action.round }, {}));
      }
      case 'runItem':
        return called(await store.runItem(id, Number(action.entry), action.message));
      case 'grant':
        return called(await store.grant(id));
      case 'confirm':
        return called(await store.confirm(id, action.pairs.flat()));
      case 'start': {
        const token = claimToken(action.token ? this.group.secret : 'a guess', action.entry);
        const by = { runId: action.run, ...action.attempt };
        const child = action.child ? `child-${action.entry}` : '';
        const reply = await store.start(id, action.entry, by, {
          token,
          deadOwner: action.deadOwner,
          child,
          handBack: action.handBack,
        });
        const { code } = reply;
        if (code === 'requeued') return called(reply);
        const more =
          code === 'run'
            ? { failed: reply.failed, attempt: reply.attempt }
            : code === 'stored'
              ? { result: reply.result, late: reply.late ?? false }
              : code === 'duplicate'
                ? { owner: reply.owner }
                : undefined;
        return { answer: answerOf(code, undefined, more) };
      }
      case 'finish': {
        const { outcome, payload, retries } = action;
        const by = { runId: action.run, ...action.attempt };
        return called(
          await store.finish(id, action.entry, by, { outcome, payload, retries, confirmed: action.pairs.flat() }),
        );
      }
      case 'settle': {
        const { entry, run, outcome, payload, round } = action;
        return called(await store.complete(id, entry, run, { outcome, payload, round }));
      }
      case 'lapse': {
        const scores = action.entries.flatMap((entry) => ['1', entry]);
        await this.stores[0].redis.use('zadd', (client) => client.zadd(this.leases, 'XX', ...scores));
        return { answer: answerOf('lapsed') };
      }
      case 'renew':
        await store.renew(id, action.entries, hour);
        return { answer: answerOf('renewed') };
      case 'regrant': {
        const { entry, state, run } = action;
        return called(
          await regrant(store, id, { entry, state, process: this.stores[action.owner]?.process ?? '', runId: run }),
        );
      }
      case 'close':
        return called(await store.close(id, action.round));
      case 'cancel':
        return called(await store.cancel(id, action.who));
      case 'cancelEntry':
        return called(await store.cancelEntry(id, action.entry));
      case 'suspend':
        return withVersion(
          await store.suspend(id, action.on, action.version === undefined ? '' : String(action.version)),
        );
      case 'suspendEntry':
        return withVersion(await store.suspendEntry(id, action.entry, action.on));
      case 'withdraw':
        return called(await store.withdraw(id, action.entries));
      case 'update': {
        const { limit, stopAfter } = action;
        const changed = {
          ...(limit === undefined ? {} : { maxConcurrency: limit }),
          ...(stopAfter === undefined ? {} : { stopAfterNFailures: stopAfter || null }),
        };
        return called(await store.update(id, changed));
      }
      case 'pause':
        return called(await store.pause(id, hour));
      case 'pauseOver':
        await this.setPace(pace.pausedUntil, 0);
        return called(await store.grant(id));
      case 'refill':
        await this.setPace(pace.countedAt, 0);
        return called(await store.grant(id));
      case 'idleOver':
        await this.setPace(pace.idleSince, 1);
        return called(await store.grant(id));
      case 'timeOver':
        await this.stores[0].redis.use('eval', (client) =>
          client.eval(
            "if tonumber(redis.call('HGET', KEYS[1], 'dl') or '0') > 0 then redis.call('HSET', KEYS[1], 'dl', 1) end",
            1,
            store.keys.state(id),
          ),
        );
        return { answer: answerOf('over') };
      case 'retry': {
        const { who, round, reopen } = action;
        const how = who === 'user' ? undefined : who === 'more' ? who : { round, reopen };
        const reply = await store.retry(id, how, who === 'more' && this.isChosen ? { lease } : undefined);
        const more = reply.code === 'continue' ? { items: reply.items, round: reply.round } : undefined;
        if (reply.code === 'retried') this.isChosen = false;
        // While it is being made ready, each call but the last says 'continue'; small groups need one.
        return { answer: answerOf(reply.code, reply.effects, more) };
      }
      case 'retrySome': {
        const { code, effects, round } = await store.retry(id, undefined, { lease, round: await roundOf(store, id) });
        if (code !== 'continue') return { answer: answerOf(code, effects) };
        this.isChosen = true;
        const total = (await this.reader.snapshot(id))?.total ?? 0;
        const row = Array.from({ length: total }, (_, i) => (action.only.includes(i) ? 'q' : '-')).join('');
        const { items } = await store.retrySome(id, lease, { from: 0, row, changes: [] });
        return { answer: answerOf(code, effects, { items, round }) };
      }
      case 'retryCallbacks': {
        const { code, effects, fired, from, retains } = await store.retryCallbacks(id, action.source);
        if (from) throw new Error('a small group needs one call');
        if (retains) await store.retained(id);
        return { answer: answerOf(code, effects, code === 'fired' ? fired : undefined) };
      }
      case 'reopen':
        return called(await store.reopen(id, { entry: '0', child: 'child-0', round: action.round }));
      case 'noticed':
        return called(await store.parentNotified(id));
      case 'release':
        return called(await store.release(id));
      case 'spread': {
        const own = await this.reader.suspensions.of(id);
        await store.suspensionPropagated(id, own?.epoch ?? '0');
        return { answer: answerOf(own ? 'spread' : 'missing') };
      }
      case 'remove':
        return { answer: answerOf((await store.remove(id, 'user')).code) };
    }
  }

  /** How many tokens its rate limit has, and how many items have one and have not begun. */
  async bucket(): Promise<[tokens: number, held: number]> {
    const [units, countedAt, held] = await this.readPace();
    const [seconds = 0] = await this.stores[0].redis.use('time', (client) => client.time());
    const full = (this.config.burst - held!) * hour;
    const passed = Math.max(0, Number(seconds) * 1_000 - countedAt!);
    return [Math.floor(Math.min(full, units! + passed) / hour), held!];
  }

  private async readPace(): Promise<number[]> {
    const { redis, keys } = this.stores[0];
    const stored = await redis.use('hget', (client) => client.hget(keys.state(this.id), 'pc'));
    return (stored ?? '0 0 0 0 0 0').split(' ').map(Number);
  }

  /** Lets time pass for one of the times that pace the group, if it is set. */
  private async setPace(position: number, value: number): Promise<void> {
    const { redis, keys } = this.stores[0];
    const now = await this.readPace();
    if (now[position] === 0) return;
    now[position] = value;
    await redis.use('hset', (client) => client.hset(keys.state(this.id), 'pc', now.join(' ')));
  }

  /** All that Redis holds of the group, but for times; and how long its keys live. */
  async dump(): Promise<{ held: unknown; ttls: number[] }> {
    const { redis } = this.stores[0];
    const [held, ttls] = await redis.use('dump', (client) =>
      (client as unknown as { modelDump: Dump }).modelDump(...this.keys),
    );
    return { held, ttls: ttls.filter((ttl) => ttl !== -2) };
  }

  async forget(): Promise<void> {
    const [store] = this.stores;
    await store.redis.use('unlink', (client) => client.unlink(this.keys));
    await store.redis.use('zrem', (client) => client.zrem(store.keys.topLevelIndex(), this.id));
    await store.redis.use('zrem', (client) => client.zrem(store.keys.dueIndexOf(this.id), this.id));
  }

  private get keys(): string[] {
    return this.stores[0].keys.group(this.id);
  }
  private get leases(): string {
    return this.keys[5]!;
  }
}

function called({ code, effects }: { code: string; effects?: Effects }): { answer: Answer } {
  return { answer: answerOf(code, effects) };
}

function withVersion({ code, effects, version }: { code: string; effects: Effects; version: string }) {
  return { answer: answerOf(code, effects), ...(version ? { version: Number(version) } : {}) };
}

function answerOf(code: string, effects?: Effects, more?: unknown): Answer {
  const grants = (effects?.grants ?? []).map(({ entry, message }) => `${entry} ${message}`);
  const fired = (effects?.callbacks ?? []).map(({ entry, packed }) => `${entry} ${packed.split('\n')[0]}`);
  const answer: Answer = { code, grants, fired, withdrawn: [...(effects?.withdrawn ?? [])], endedAs: effects?.outcome };
  return more === undefined ? answer : { ...answer, more };
}
