import { EventEmitter } from 'node:events';
import { Readable } from 'node:stream';
import type { Redis, RedisOptions } from 'ioredis';
import { bufferOf, bytesOf, textOf, type Bytes } from './bytes';
import { notKnown } from './errors';
import { commands, scriptOf, type InProcessRedis } from './in-process-redis';
import type { Script } from './lua/machine';
import { otherCommands } from './other-commands';
import { Status, type Reply } from './replies';
import { Transaction } from './transaction';

type Decode = (bytes: Bytes) => string | Buffer;
/** Carries out a command or a script. @throws ReplyError */
type Work = () => Reply;

/** What is sent to the caller in the next turn of the event loop. */
interface Outgoing {
  deliver: () => void;
  /** Called in its place when the connection has ended before. */
  drop: (error: Error) => void;
}

const closed = (): Error => new Error('Connection is closed.');

/**
 * A connection to a Redis in this process. It behaves as one of ioredis, as far as mageflow and tests of users use it.
 *
 * Commands are carried out in the order of their calls. Their replies arrive in the next turn of the event loop, all
 * together, as they would from a socket.
 */
export class InProcessConnection extends EventEmitter {
  status: 'wait' | 'connecting' | 'ready' | 'end' = 'wait';
  readonly isCluster = false;
  readonly options: Partial<RedisOptions>;
  /** Stands for the socket. */
  readonly stream = Object.assign(new EventEmitter(), {
    cork: () => undefined,
    uncork: () => undefined,
    destroy: () => undefined,
  });
  private readonly outgoing: Outgoing[] = [];
  /** Commands that wait until the connection is ready. */
  private readonly waiting: Outgoing[] = [];
  private readonly subscribed = new Set<Bytes>();

  /** @param options - as for ioredis; those that concern a socket have no effect */
  constructor(
    private readonly redis: InProcessRedis,
    options: Partial<RedisOptions> = {},
  ) {
    super();
    if (options.keyPrefix) throw notKnown('the option keyPrefix of a connection');
    this.options = { host: 'in-process', port: 0, path: redis.name, db: 0, enableOfflineQueue: true, ...options };
    if (!options.lazyConnect) this.connect().catch(() => undefined);
  }

  /** The commands without a reply. */
  get commandQueue(): { readonly length: number } {
    return this.outgoing;
  }

  duplicate(options: Partial<RedisOptions> = {}): InProcessConnection {
    return new InProcessConnection(this.redis, { ...this.options, ...options });
  }

  connect(): Promise<void> {
    if (this.status === 'connecting' || this.status === 'ready')
      return Promise.reject(new Error('Redis is already connecting/connected'));
    this.status = 'connecting';
    return new Promise((resolve, reject) => {
      const deliver = () => {
        this.status = 'ready';
        this.emit('connect');
        // A server that greets: callers look whether anything arrives.
        this.stream.emit('data', Buffer.alloc(0));
        this.emit('ready');
        for (const { deliver: send } of this.waiting.splice(0)) send();
        resolve();
      };
      this.later({ deliver, drop: reject });
    });
  }

  disconnect(): void {
    if (this.status === 'end') return;
    this.status = 'end';
    for (const channel of this.subscribed) this.redis.channels.remove(channel, this.receive);
    this.subscribed.clear();
    for (const { drop } of [...this.outgoing.splice(0), ...this.waiting.splice(0)]) drop(closed());
    this.redis.clock.immediate(() => {
      this.stream.emit('close');
      this.emit('close');
      this.emit('end');
    });
  }

  async quit(): Promise<'OK'> {
    await this.reply(() => null, textOf);
    this.disconnect();
    return 'OK';
  }

  /** Makes a script a method of this connection. Without `numberOfKeys`, the first argument of a call is the number. */
  defineCommand(name: string, { lua, numberOfKeys }: { lua: string; numberOfKeys?: number }): void {
    const script = scriptOf(lua);
    const run =
      (decode: Decode) =>
      (...args: unknown[]) =>
        this.run(script, numberOfKeys === undefined ? args : [numberOfKeys, ...args], decode);
    Object.assign(this, { [name]: run(textOf), [`${name}Buffer`]: run(bufferOf) });
  }

  /** Runs a script. @param args - the number of keys, the keys, and the arguments */
  eval(lua: string, ...args: unknown[]): Promise<unknown> {
    return this.run(scriptOf(lua), args, textOf);
  }

  /** Sends a command by its name. */
  call(name: string, ...args: unknown[]): Promise<unknown> {
    return this.send(name, args, textOf);
  }

  /** Resolves with the number of channels that this connection is subscribed to. */
  subscribe(...channels: unknown[]): Promise<unknown> {
    return this.reply(() => {
      for (const channel of channels.flat().map(bytesOf)) {
        this.subscribed.add(channel);
        this.redis.channels.add(channel, this.receive);
      }
      return this.subscribed.size;
    }, textOf);
  }

  /** Ends subscriptions, all of them if none is named. */
  unsubscribe(...channels: unknown[]): Promise<unknown> {
    return this.reply(() => {
      const named = channels.flat().map(bytesOf);
      for (const channel of named.length > 0 ? named : [...this.subscribed]) {
        this.subscribed.delete(channel);
        this.redis.channels.remove(channel, this.receive);
      }
      return this.subscribed.size;
    }, textOf);
  }

  /** Reads the names of all keys, a page at a time. */
  scanStream({ match = '*', count = 10 }: { match?: string; count?: number } = {}): Readable {
    const pages = async function* (connection: InProcessConnection) {
      let cursor = '0';
      do {
        const found = await connection.call('SCAN', cursor, 'MATCH', match, 'COUNT', count);
        const [next, names] = found as [string, string[]];
        cursor = next;
        yield names;
      } while (cursor !== '0');
    };
    return Readable.from(pages(this));
  }

  /** Begins a transaction. */
  multi(): Transaction {
    const methods = this as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>;
    const send = (method: string, args: readonly unknown[]) =>
      methods[method]?.(...args) ?? Promise.reject(notKnown(`the command ${method.toUpperCase()}`));
    return Transaction.of(
      Object.keys(commands).map((name) => name.toLowerCase()),
      send,
    );
  }

  /** Sends a command. */
  send(name: string, args: readonly unknown[], decode: Decode): Promise<unknown> {
    const words = args.flat().map(bytesOf);
    return this.reply(() => this.redis.execute(name, words), decode);
  }

  private run(script: Script, given: readonly unknown[], decode: Decode): Promise<unknown> {
    const [number = '', ...args] = given.flat().map(bytesOf);
    const keys = Number(number);
    return this.reply(() => this.redis.runScript(script, args.slice(0, keys), args.slice(keys)), decode);
  }

  private readonly receive = (channel: Bytes, message: Bytes): void =>
    this.later({
      deliver: () => void this.emit('message', textOf(channel), textOf(message)),
      drop: () => undefined,
    });

  /** Does the work as soon as the connection is ready, and resolves with the reply in the next turn of the event loop. */
  private reply(work: Work, decode: Decode): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const deliver = () => {
        let answer: () => void;
        try {
          const reply = work();
          answer = () => resolve(decoded(reply, decode));
        } catch (error) {
          answer = () => reject(error as Error);
        }
        this.later({ deliver: answer, drop: reject });
      };
      if (this.status === 'ready') return deliver();
      if (this.status === 'end') return reject(closed());
      if (this.status === 'wait') this.connect().catch(() => undefined);
      if (this.options.enableOfflineQueue) this.waiting.push({ deliver, drop: reject });
      else reject(new Error("Stream isn't writeable and enableOfflineQueue options is false"));
    });
  }

  private later(outgoing: Outgoing): void {
    this.outgoing.push(outgoing);
    if (this.outgoing.length > 1) return;
    this.redis.clock.immediate(() => {
      for (const { deliver } of this.outgoing.splice(0)) deliver();
    });
  }
}

/** Opens a connection, for whatever takes one of ioredis. */
export function connectTo(redis: InProcessRedis, options: Partial<RedisOptions> = {}): Redis {
  return new InProcessConnection(redis, options) as unknown as Redis;
}

function decoded(reply: Reply, decode: Decode): unknown {
  if (typeof reply === 'string') return decode(reply);
  if (reply instanceof Status) return decode(reply.text);
  return Array.isArray(reply) ? reply.map((one) => decoded(one, decode)) : reply;
}

/** Returns the arguments of HSET, whose fields may be those of an object or a map. */
function fieldsOf([key, ...rest]: readonly unknown[]): unknown[] {
  const [first] = rest;
  if (first instanceof Map) return [key, ...[...(first as Map<unknown, unknown>)].flat()];
  const isObject = typeof first === 'object' && first !== null && !Array.isArray(first) && !Buffer.isBuffer(first);
  return [key, ...(isObject ? Object.entries(first as Record<string, unknown>).flat() : rest)];
}

/** Returns an object with the fields of a hash. */
function objectOf(flat: unknown): Record<string, unknown> {
  const list = flat as unknown[];
  return Object.fromEntries(list.flatMap((name, i) => (i % 2 === 0 ? [[String(name), list[i + 1]]] : [])));
}

function addMethods(prototype: InProcessConnection): void {
  const add = (name: string, decode: Decode, method: string) =>
    Object.defineProperty(prototype, method, {
      configurable: true,
      writable: true,
      value: async function (this: InProcessConnection, ...args: unknown[]): Promise<unknown> {
        const reply = await this.send(name, name === 'HSET' ? fieldsOf(args) : args, decode);
        return name === 'HGETALL' ? objectOf(reply) : reply;
      },
    });
  for (const name of Object.keys(commands)) {
    add(name, textOf, name.toLowerCase());
    add(name, bufferOf, `${name.toLowerCase()}Buffer`);
  }
  for (const name of otherCommands)
    Object.defineProperty(prototype, name, {
      configurable: true,
      writable: true,
      value: () => Promise.reject(notKnown(`the command ${name.toUpperCase()}`)),
    });
}

addMethods(InProcessConnection.prototype);
