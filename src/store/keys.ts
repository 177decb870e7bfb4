import { hash } from 'node:crypto';

/** How many items share one hash of results: small enough for Redis to keep it in its compact form. */
export const bucketSize = 128;

const indexShards = 8;

/** The names of all keys of one instance: below its prefix, its tenant and its namespace. */
export class Keys {
  readonly base: string;
  /** Tells this store's runs from those of others in one engine. */
  readonly mark: string;

  constructor(prefix: string, tenant: string, namespace: string) {
    this.base = [prefix, encodeURIComponent(tenant), encodeURIComponent(namespace)].join(':');
    this.mark = hash('sha1', this.base).slice(0, 8);
  }

  /** The keys of a group's scripts, in the order in which `includes/group.lua` names them. */
  group(id: string, entry = '0'): string[] {
    const at = this.tagged(id);
    return [`${at}g`, `${at}s`, `${at}b`, `${at}q`, `${at}a`, `${at}l`, `${at}c`, `${at}e`, this.bucketOf(id, entry)];
  }

  /** The hash with the result of an entry; callbacks have none there. */
  bucketOf(id: string, entry: string): string {
    return this.results(id, entry.startsWith('c') ? 0 : Math.floor(Number(entry) / bucketSize));
  }

  /** The group hash; also the name of the channel on which its ends are published. */
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

  callbacks(id: string): string {
    return `${this.tagged(id)}c`;
  }

  ends(id: string): string {
    return `${this.tagged(id)}e`;
  }

  /** The hash with the results of the items of one bucket. */
  results(id: string, bucket: number): string {
    return `${this.tagged(id)}r${bucket}`;
  }

  /** The the reconciler index that a group stands in. */
  dueIndexOf(id: string): string {
    let hash = 0;
    for (let i = 0; i < id.length; i++) hash = (hash * 31 + id.charCodeAt(i)) >>> 0;
    return this.dueIndex(hash % indexShards);
  }

  /** All indexes of due groups. */
  dueIndexes(): string[] {
    return Array.from({ length: indexShards }, (_, shard) => this.dueIndex(shard));
  }

  process(id: string): string {
    return `${this.base}:process:${id}`;
  }

  /** The channel on which a process hears of the ends of groups that it has started. */
  endsHeardBy(process: string): string {
    return `${this.base}:ends:${process}`;
  }

  /** Which Redis server it was that kept all this last. */
  server(): string {
    return `${this.base}:server`;
  }

  /** Which names wrapped workers serve. */
  served(): string {
    return `${this.base}:served`;
  }

  /** The groups that belong to no other, by the time of their creation. */
  catalog(): string {
    return `${this.base}:catalog`;
  }

  /** Where signatures whose ids share a prefix can be found. */
  locations(chunk: string): string {
    return `${this.base}:ids:${chunk}`;
  }

  private dueIndex(shard: number): string {
    return `${this.base}:due:${shard}`;
  }

  private tagged(id: string): string {
    return `${this.base}:{${id}}:`;
  }
}
