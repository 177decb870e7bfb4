import { isEnded } from './group-reader';
import { KeyScan, keysBelow } from './key-scan';
import type { Keys } from './keys';
import type { RedisConnection } from './connection';
import { callbackField, field } from './scripts.generated';

const keysPerPage = 500;

/** A description of the fault; undefined if there is none. */
type Fault = string | undefined;

/** A key whose lifetime is longer or shorter than it should be. */
export interface KeyFault {
  key: string;
  /** Describes the fault and names the group. */
  message: string;
}

/** The properties of a group that determine the lifetimes of its keys, and the keys of it that were found in one page. */
interface Found {
  id: string;
  status: string | undefined;
  parent: string | undefined;
  flags: string;
  released: boolean;
  nested: boolean;
  /** True if its retention has begun. */
  expiring: boolean;
  /** The number of active entries: items, callbacks, or the notification of its parent. */
  active: number;
  /** The remaining life of its state in ms: -1 without expiry, -2 when it is gone. */
  life: number;
  /** The remaining life of each of the keys in ms, by the name of the key within the group. */
  lives: Map<string, number>;
}

/**
 * Checks all keys of a store, a page at a time. No key of a living group may expire, every key of an ended group must
 * expire, and no key may be without an owner. Changes nothing. Each fault is checked twice, because the keys may be
 * changing at the time of the first check.
 */
export class KeyCheck {
  /** The number of keys of the store that were looked at. */
  looked = 0;
  /** True once all of them were. */
  isComplete = false;

  constructor(
    private readonly redis: RedisConnection,
    private readonly keys: Keys,
  ) {}

  /** @param pagesAtMost - how many pages of 500 keys of each server are looked at, those of other stores included */
  async *faults(pagesAtMost = Infinity): AsyncGenerator<KeyFault> {
    const scan = new KeyScan(this.redis, keysBelow(this.keys.base), keysPerPage);
    for await (const page of scan.pages(pagesAtMost)) {
      this.looked += page.length;
      for (const fault of await this.ofPage(page)) yield fault;
    }
    this.isComplete = scan.isComplete;
  }

  private async ofPage(page: readonly string[]): Promise<KeyFault[]> {
    const suspects = await this.checkKey(page);
    if (suspects.length === 0) return [];
    // Two keys are not changed in one moment, so a first finding may be a change in progress.
    const still = new Set((await this.checkKey(suspects.map(({ key }) => key))).map(({ key }) => key));
    return suspects.filter(({ key }) => still.has(key));
  }

  private async checkKey(page: readonly string[]): Promise<KeyFault[]> {
    const groups = new Map<string, string[]>();
    const others: string[] = [];
    for (const key of page) {
      const [, id, name] = /^\{(.+)\}:([a-z]\d*)$/s.exec(key.slice(this.keys.base.length + 1)) ?? [];
      if (id === undefined || name === undefined) others.push(key);
      else groups.set(id, [...(groups.get(id) ?? []), name]);
    }
    const faults = await Promise.all([
      ...[...groups].map(([id, names]) => this.ofGroup(id, names)),
      ...others.map((key) => this.ofOther(key)),
    ]);
    return faults.flat();
  }

  private async ofGroup(id: string, names: readonly string[]): Promise<KeyFault[]> {
    const group = await this.read(id, names);
    const faults = await Promise.all(
      [...group.lives].map(async ([name, life]) => {
        const message = life === -2 ? undefined : await this.faultsOf(group, name, life);
        return message === undefined ? [] : [{ key: this.keyOf(id, name), message: `${message} (group ${id})` }];
      }),
    );
    return faults.flat();
  }

  /** Reads the state of a group and the lifetimes of its keys at one moment. */
  private async read(id: string, names: readonly string[]): Promise<Found> {
    const state = this.keys.state(id);
    const replies = await this.redis.use('multi', (client) => {
      const multi = client
        .multi()
        .hmget(state, field.status, field.parentId, field.flags, field.released, field.nested, field.expiresAt);
      multi.hlen(this.keys.active(id)).pttl(state);
      for (const name of names) multi.pttl(this.keyOf(id, name));
      return multi.exec();
    });
    const [[, fields] = [], [, active] = [], [, life] = [], ...lives] = replies ?? [];
    const [status, parent, flags, released, nested, over] = (fields ?? []) as (string | null)[];
    return {
      id,
      status: status ?? undefined,
      parent: parent ?? undefined,
      flags: flags ?? '',
      released: released === '1',
      nested: nested === '1',
      expiring: over !== null && over !== undefined,
      active: Number(active),
      life: Number(life),
      lives: new Map(names.map((name, i) => [name, Number(lives[i]?.[1])])),
    };
  }

  private async faultsOf(group: Found, name: string, life: number): Promise<Fault> {
    const { id, status } = group;
    if (status === undefined)
      return life > 0 || (await this.isBeingRemoved(id)) ? undefined : 'stays, and its group is gone';
    if (status === 'pending') return this.ofPending(group, life);
    if (!isEnded(status) || group.active > 0) return ofLiving(group, name, life);
    return this.ofEnded(group, name, life);
  }

  /** Checks a key of a pending group: it must expire unless its parent keeps it. */
  private async ofPending({ parent, life: own }: Found, life: number): Promise<Fault> {
    if (life > 0) return own > 0 ? undefined : 'expires, and its group, which has not been started, stays';
    if (own > 0) return 'stays, and its group, which has not been started, expires';
    if (parent === undefined) return 'stays, and nobody has started its group';
    return this.isWithoutParent(parent);
  }

  private async ofEnded(group: Found, name: string, life: number): Promise<Fault> {
    if (life > 0) return undefined;
    const { id, status, parent, released, nested, expiring } = group;
    if (parent !== undefined && !released) return this.isWithoutParent(parent);
    // The groups below and the other results expire before it. The reconciler completes this.
    const later = expiring && (nested || /^r\d/.test(name));
    if (later && (await this.isReconciled(id))) return undefined;
    return `stays, and its group is over (${status})`;
  }

  private async ofOther(key: string): Promise<KeyFault[]> {
    const { keys } = this;
    const name = key.slice(keys.base.length + 1);
    if (keys.dueIndexes().includes(key) || key === keys.topLevelIndex() || key === keys.served()) return [];
    if (key === keys.meta()) {
      const left = await this.redis.use('pttl', (client) => client.pttl(key));
      return left >= 0 ? [{ key, message: `expires in ${left} ms, and has to stay` }] : [];
    }
    if (!/^(process|ids):|^(server|reconcilers)$/.test(name))
      return [{ key, message: 'belongs to nothing that is known here' }];
    const life = await this.redis.use('pttl', (client) => client.pttl(key));
    return life === -1 ? [{ key, message: 'stays, and is only for a time' }] : [];
  }

  private async isWithoutParent(parent: string): Promise<Fault> {
    const there = await this.redis.use('exists', (client) => client.exists(this.keys.state(parent)));
    return there ? undefined : `stays, and the group that its group sits in is gone (${parent})`;
  }

  private async isReconciled(id: string): Promise<boolean> {
    const score = await this.redis.use('zscore', (client) => client.zscore(this.keys.dueIndexOf(id), id));
    return score !== null;
  }

  /** Returns whether the group is being removed. If the removing process died, the reconciler completes the removal. */
  private async isBeingRemoved(id: string): Promise<boolean> {
    const total = await this.redis.use('hget', (client) => client.hget(this.keys.callbacks(id), callbackField.total));
    return total !== null && (await this.isReconciled(id));
  }

  private keyOf(id: string, name: string): string {
    return `${this.keys.state(id).slice(0, -1)}${name}`;
  }
}

function ofLiving({ status, flags }: Found, name: string, life: number): Fault {
  // While a retry is prepared, the buckets of results are made persistent one after another.
  if (life === -1 || (flags.includes('R') && /^r\d/.test(name))) return undefined;
  return `expires in ${life} ms, and its group goes on (${status})`;
}
