import { hash } from 'node:crypto';
import { isCallback } from './entry';

/** The number of items whose results share one hash. Redis keeps a hash of this size in its compact encoding. */
export const bucketSize = 128;

const indexShards = 8;

/** The names of all keys of a store, below its prefix, tenant and namespace. */
export class Keys {
  readonly base: string;
  /** Distinguishes the runs of this store from the runs of other stores in the same engine. */
  readonly mark: string;

  constructor(prefix: string, tenant: string, namespace: string) {
    this.base = [prefix, encodeURIComponent(tenant), encodeURIComponent(namespace)].join(':');
    this.mark = hash('sha1', this.base).slice(0, 8);
  }

  /** Returns the keys for a script of a group, in the order that `lua/lib/group.lua` defines. */
  group(id: string, entry = '0'): string[] {
    const at = this.tagged(id);
    const own = [`${at}g`, `${at}s`, `${at}b`, `${at}q`, `${at}a`, `${at}l`, `${at}c`, `${at}e`];
    return [...own, this.bucketOf(id, entry), `${at}t`];
  }

  /** Returns the hash with the result of an item. Callbacks have no result there; bucket 0 is returned for them. */
  bucketOf(id: string, entry: string): string {
    return this.results(id, isCallback(entry) ? 0 : Math.floor(Number(entry) / bucketSize));
  }

  /** The hash with the state of the group; also the channel on which its ends are published. */
  state(id: string): string {
    return `${this.tagged(id)}g`;
  }

  specs(id: string): string {
    return `${this.tagged(id)}s`;
  }

  bytes(id: string): string {
    return `${this.tagged(id)}b`;
  }

  active(id: string): string {
    return `${this.tagged(id)}a`;
  }

  /** The sorted set of active entries by the times at which their leases expire. */
  leases(id: string): string {
    return `${this.tagged(id)}l`;
  }

  callbacks(id: string): string {
    return `${this.tagged(id)}c`;
  }

  ends(id: string): string {
    return `${this.tagged(id)}e`;
  }

  times(id: string): string {
    return `${this.tagged(id)}t`;
  }

  /** The hash with the results of the items of one bucket. */
  results(id: string, bucket: number): string {
    return `${this.tagged(id)}r${bucket}`;
  }

  /** The reconciler index that holds a group. */
  dueIndexOf(id: string): string {
    let hash = 0;
    for (let i = 0; i < id.length; i++) hash = (hash * 31 + id.charCodeAt(i)) >>> 0;
    return this.dueIndex(hash % indexShards);
  }

  /** All shards of the reconciler index. */
  dueIndexes(): string[] {
    return Array.from({ length: indexShards }, (_, shard) => this.dueIndex(shard));
  }

  process(id: string): string {
    return `${this.base}:process:${id}`;
  }

  /** The channel on which a process receives the ends of the groups that it has started. */
  endChannelOf(process: string): string {
    return `${this.base}:ends:${process}`;
  }

  /** The hash that stores which Redis server kept the data last. */
  server(): string {
    return `${this.base}:server`;
  }

  /** The number of the storage format. It never expires. */
  meta(): string {
    return `${this.base}:meta`;
  }

  /** The hash that stores which task names workers serve. */
  served(): string {
    return `${this.base}:served`;
  }

  /** The sorted set of the processes that reconcile, by the begin of their last pass. */
  reconcilers(): string {
    return `${this.base}:reconcilers`;
  }

  /** The top-level index: groups that are in no other group, by their creation time. */
  topLevelIndex(): string {
    return `${this.base}:catalog`;
  }

  /** The row of the signature index for signatures whose ids share a prefix. */
  signatureIndex(chunk: string): string {
    return `${this.base}:ids:${chunk}`;
  }

  private dueIndex(shard: number): string {
    return `${this.base}:due:${shard}`;
  }

  private tagged(id: string): string {
    return `${this.base}:{${id}}:`;
  }
}
