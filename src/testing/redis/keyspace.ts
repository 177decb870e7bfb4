import type { Bytes } from './bytes';
import { wrongType } from './errors';
import { SortedSet } from './sorted-set';

export type Hash = Map<Bytes, Bytes>;
export type Value = Bytes | Hash | Bytes[] | SortedSet;

interface Entry {
  value: Value;
  /** The time at which it expires, in ms since 1970; Infinity for never. */
  expiresAt: number;
}

/** The keys of one Redis with their values and the times at which they expire. */
export class Keyspace {
  private readonly entries = new Map<Bytes, Entry>();
  /** The time at which the current command or script began, in ms: nothing expires while it is carried out. */
  now = 0;

  /** Returns a value; undefined if there is none, or it has expired. */
  value(key: Bytes): Value | undefined {
    return this.entry(key)?.value;
  }

  has(key: Bytes): boolean {
    return this.entry(key) !== undefined;
  }

  text(key: Bytes): Bytes | undefined {
    const value = this.value(key);
    if (value === undefined || typeof value === 'string') return value;
    throw wrongType();
  }

  hash(key: Bytes): Hash | undefined {
    const value = this.value(key);
    if (value === undefined || value instanceof Map) return value;
    throw wrongType();
  }

  list(key: Bytes): Bytes[] | undefined {
    const value = this.value(key);
    if (value === undefined || Array.isArray(value)) return value;
    throw wrongType();
  }

  sortedSet(key: Bytes): SortedSet | undefined {
    const value = this.value(key);
    if (value === undefined || value instanceof SortedSet) return value;
    throw wrongType();
  }

  /** Stores a value. It keeps the time to live that the key had, unless another one is given. */
  set<T extends Value>(key: Bytes, value: T, expiresAt = this.entry(key)?.expiresAt ?? Infinity): T {
    this.entries.set(key, { value, expiresAt });
    return value;
  }

  /** Deletes a key whose value has no elements left, as Redis does at once. */
  dropIfEmpty(key: Bytes): void {
    const value = this.value(key);
    const size = Array.isArray(value) ? value.length : typeof value === 'object' ? value.size : 1;
    if (size === 0) this.entries.delete(key);
  }

  /** Returns whether there was such a key. */
  delete(key: Bytes): boolean {
    return this.has(key) && this.entries.delete(key);
  }

  /** Returns when a key expires, in ms since 1970: Infinity for never, undefined if there is no such key. */
  expiresAt(key: Bytes): number | undefined {
    return this.entry(key)?.expiresAt;
  }

  /** Makes an existing key expire at a time, in ms since 1970; Infinity for never. A time that is over deletes it. */
  expireAt(key: Bytes, time: number): void {
    const entry = this.entry(key);
    if (entry) entry.expiresAt = time;
    this.entry(key);
  }

  /** Returns the keys that have not expired. */
  keys(): Bytes[] {
    return [...this.entries.keys()].filter((key) => this.has(key));
  }

  private entry(key: Bytes): Entry | undefined {
    const entry = this.entries.get(key);
    if (!entry || entry.expiresAt > this.now) return entry;
    this.entries.delete(key);
    return undefined;
  }
}
