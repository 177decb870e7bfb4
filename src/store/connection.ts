import { Redis, type Cluster, type RedisOptions } from 'ioredis';
import { setTimeout as pause } from 'node:timers/promises';
import { retry } from '../utils/retry';
import { runOutsideContext } from '../utils/outside-context';
import { ClosedError, ConfigurationError, describe, StoreError } from '../config/errors';
import { betweenFaultPoints } from '../utils/fault-points';
import { withTimeout, timeLimit } from '../utils/timeout';
import type { MageflowLogger } from '../config/options';
import { messageOf } from '../utils/error-message';
import { scripts } from './scripts.generated';
import { owesAnswers, Silence } from './silence';

const commandsAPiece = 16;
/** How long to wait for a connection to be found broken. */
const pauseMs = 10;

export type RedisLike = Redis | Cluster;

/** A run of a server, and for how long it has run. */
export interface Server {
  run: string;
  upMs: number;
  /** Whether it may have been a replica of another one before. */
  promoted: boolean;
}

export type ScriptName = keyof typeof scripts;
export type Reply = string | number | null | Reply[];

/** In one list, which ioredis flattens: as many arguments of a call as a script can have would not fit on the stack. */
type ScriptCall = (args: (string | number)[]) => Promise<Reply>;

/**
 * mageflow's own connection: duplicated from the user's, with options on which its time limits hold.
 *
 * Nothing is queued while Redis is away and nothing is sent twice: a call that failed must not take effect later.
 */
export class RedisConnection {
  readonly client: RedisLike;
  private subscriber: RedisLike | undefined;
  private closed = false;
  /** Refuse those who wait for the connection. */
  private readonly waiting = new Set<() => void>();
  private warned = false;
  private readonly silence: Silence;
  /** What is asked for in this turn of the event loop, and where it is held back. */
  private turn: { stream: Redis['stream']; commands: number } | undefined;
  /** The server at the other end; undefined of a cluster, and of one that doesn't tell. */
  server: Promise<Server | undefined> = Promise.resolve(undefined);

  constructor(
    private readonly given: RedisLike | string,
    private readonly timeoutMs: number,
    private readonly logger: MageflowLogger,
  ) {
    this.silence = new Silence(timeoutMs);
    this.client = this.connect(true);
    this.client.on('ready', () => this.greet());
    for (const [name, script] of Object.entries(scripts)) {
      this.client.defineCommand(commandName(name), { lua: script.lua, numberOfKeys: script.keys });
    }
  }

  /** Which Redis it is, as far as the options tell. */
  get address(): string {
    if (isCluster(this.client))
      return `cluster ${JSON.stringify((this.client as unknown as { startupNodes?: unknown }).startupNodes)}`;
    const { host, port, path, db } = this.client.options;
    return `${path ?? `${host}:${port}`}/${db ?? 0}`;
  }

  /** The servers that hold keys, each of which is to be asked for its own. */
  get nodes(): Redis[] {
    return nodesOf(this.client);
  }

  /** Whether nothing can be sent any more, however long one tries. */
  get isClosed(): boolean {
    return this.closed;
  }

  /** Whether calls are under way. */
  get isBusy(): boolean {
    return this.waiting.size > 0 || owesAnswers(this.client);
  }

  /** Runs a script. @throws StoreError */
  call(name: ScriptName, keys: readonly string[], args: readonly (string | number)[]): Promise<Reply> {
    const run = (this.client as unknown as Record<string, ScriptCall>)[commandName(name)];
    if (!run) throw new TypeError(`No script named ${name} is defined.`);
    return this.use(name, () => run.call(this.client, [...keys, ...args]));
  }

  /** Sends commands. @throws StoreError when Redis is away, refuses, or takes longer than `commandTimeoutMs` */
  use<T>(what: string, send: (client: RedisLike) => Promise<T>): Promise<T> {
    return betweenFaultPoints('redis', what, () => this.whenReady(what, send));
  }

  /** Subscribes to a channel. @throws what ioredis rejects with; it waits for a connection as long as it takes */
  async hear(channel: string): Promise<void> {
    const client = this.subscription();
    const since = performance.now();
    const callOff = timeLimit(this.timeoutMs, () => this.silence.breakSince(since, client));
    try {
      await client.subscribe(channel);
    } finally {
      callOff();
    }
  }

  /** The connection that is subscribed to channels, made when it is first needed. */
  subscription(): RedisLike {
    this.subscriber ??= this.connect(false);
    return this.subscriber;
  }

  close(): void {
    this.closed = true;
    for (const refuse of [...this.waiting]) refuse();
    this.client.disconnect();
    this.subscriber?.disconnect();
  }

  private greet(): void {
    for (const node of nodesOf(this.client)) {
      // One of a cluster connects when it is first needed: what came before that would find it half connected.
      if (node.status === 'ready') this.server = this.ask(node).catch(() => undefined);
      else node.once('ready', () => void this.ask(node).catch(() => undefined));
    }
  }

  /** Asks who is at the other end, and warns of one that may throw away what it was told. */
  private async ask(node: Redis): Promise<Server | undefined> {
    const info = await this.use('info', () => node.info());
    const told = (name: string) => new RegExp(`^${name}:(\\S+)`, 'm').exec(info)?.[1];
    const policy = told('maxmemory_policy') ?? 'noeviction';
    if (policy !== 'noeviction' && !this.warned) {
      this.warned = true;
      this.logger.warn(
        `this Redis may delete keys when its memory is full: its maxmemory-policy is ${policy}. Swarms would lose their state; set it to noeviction.`,
      );
    }
    const run = told('run_id');
    if (!run || isCluster(this.client)) return undefined;
    const promoted = told('second_repl_offset') !== '-1';
    return { run, upMs: Number(told('uptime_in_seconds')) * 1000, promoted };
  }

  private whenReady<T>(what: string, send: (client: RedisLike) => Promise<T>): Promise<T> {
    const time = { left: this.timeoutMs };
    return retry(
      () => this.sent(send, time),
      (error) => {
        // After a disconnect the status stays 'ready' for a moment: nothing was sent then.
        if (messageOf(error).startsWith("Stream isn't writeable") && time.left > pauseMs) {
          time.left -= pauseMs;
          return pause(pauseMs);
        }
        throw this.failure(what, error);
      },
    );
  }

  private sent<T>(send: (client: RedisLike) => Promise<T>, time: { left: number }): Promise<T> {
    if (this.closed || this.client.status !== 'ready') return this.ready(time).then(() => this.sent(send, time));
    this.gather();
    const sentAt = performance.now();
    return withTimeout('Redis', Math.max(1, Math.round(time.left)), send(this.client), () =>
      this.silence.breakSince(sentAt, this.client),
    );
  }

  /**
   * Sends what is asked for in one turn of the event loop in few pieces: a system call for each costs more than most commands.
   * Not in one: Redis would have nothing to do until this process has asked for all of it.
   *
   * ioredis's automatic pipelines do the same, but each is sent when the one before has been answered to its end: Redis and this
   * process would take turns at working.
   */
  private gather(): void {
    if (isCluster(this.client)) return;
    const { stream } = this.client;
    if (this.turn?.stream === stream) {
      this.turn.commands += 1;
      if (this.turn.commands % commandsAPiece > 0) return;
      stream.uncork();
      stream.cork();
      return;
    }
    // In the turn in which a connection is replaced, there are two.
    const turn = { stream, commands: 1 };
    this.turn = turn;
    stream.cork();
    runOutsideContext(() =>
      setImmediate(() => {
        if (this.turn === turn) this.turn = undefined;
        stream.uncork();
      }),
    );
  }

  private connect(forCommands: boolean): RedisLike {
    const client = duplicate(this.given, forCommands, this.timeoutMs);
    // Each call that waits for the connection listens.
    client.setMaxListeners(0);
    this.silence.watch(client);
    let told = -Infinity;
    client.on('error', (error: Error) => {
      // ioredis reports each attempt to reconnect; once a minute is enough to know.
      if (this.closed || performance.now() - told < 60_000) return;
      told = performance.now();
      this.logger.warn(`Redis is unreachable: ${messageOf(error)}. It will be tried again.`);
    });
    return client;
  }

  private async ready(time: { left: number }): Promise<void> {
    if (this.closed) throw closedError();
    if (this.client.status === 'wait' || this.client.status === 'end') {
      // Its rejection is the error event's business; what counts here is whether it gets ready in time.
      runOutsideContext(() => this.client.connect()).catch(() => undefined);
    }
    await new Promise<void>((resolve, reject) => {
      const settle = (done: () => void) => {
        time.left = callOff();
        this.client.removeListener('ready', onReady);
        this.client.removeListener('error', onError);
        this.waiting.delete(onClose);
        done();
      };
      let last: unknown = new Error(`not connected within ${this.timeoutMs} ms`);
      const onReady = () => settle(resolve);
      const onError = (error: Error) => void (last = error);
      const onClose = () => settle(() => reject(closedError()));
      const callOff = timeLimit(Math.max(1, time.left), () => settle(() => reject(last as Error)));
      this.waiting.add(onClose);
      this.client.once('ready', onReady);
      this.client.on('error', onError);
    });
  }

  private failure(what: string, cause: unknown): StoreError | ClosedError {
    if (this.closed) return cause instanceof ClosedError ? cause : closedError(cause);
    return new StoreError(
      `Redis did not carry out "${what}": ${messageOf(cause)}. Check that it is reachable and accepts writes and scripts.`,
      {
        cause,
      },
    );
  }
}

function closedError(cause?: unknown): ClosedError {
  return new ClosedError('this Mageflow is closed: nothing can be done with it any more. Make another one.', { cause });
}

function commandName(script: string): string {
  return `mageflow:${script}`;
}

function duplicate(given: RedisLike | string, forCommands: boolean, timeoutMs: number): RedisLike {
  const own = {
    keyPrefix: '',
    lazyConnect: true,
    // The nodes of a cluster connect when they are first needed; in there, only pipelines wait for that.
    enableAutoPipelining: forCommands && isCluster(given),
    enableOfflineQueue: !forCommands,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: forCommands ? 0 : null,
    autoResubscribe: true,
    enableReadyCheck: true,
    readOnly: false,
    stringNumbers: false,
    connectTimeout: timeoutMs,
    // Time limits are kept here: a timer of ioredis judges before it has read what has come.
    commandTimeout: undefined,
    socketTimeout: undefined,
    retryStrategy: (attempt: number) => Math.min(50 * attempt, 1000),
  };
  if (typeof given === 'string') return new Redis(given, own);
  // instanceof would fail for an ioredis of another copy or major version; the shape is what is used.
  if (isCluster(given)) {
    const { keyPrefix, lazyConnect, enableAutoPipelining, enableOfflineQueue, ...redisOptions } = own;
    const options: object = {
      keyPrefix,
      lazyConnect,
      enableAutoPipelining,
      enableOfflineQueue,
      scaleReads: 'master',
      clusterRetryStrategy: redisOptions.retryStrategy,
      // What a node was sent before its connection broke may have been done: sending it again is the caller's decision.
      retryDelayOnFailover: 0,
      redisOptions: { ...given.options.redisOptions, ...redisOptions },
    };
    return given.duplicate([], options);
  }
  if (typeof (given as Partial<Redis> | null)?.duplicate !== 'function') {
    throw new ConfigurationError(`redis: expected an ioredis Redis or Cluster, or a URL, got ${describe(given)}.`);
  }
  return given.duplicate(own as RedisOptions);
}

function nodesOf(redis: RedisLike): Redis[] {
  return isCluster(redis) ? redis.nodes('master') : [redis];
}

function isCluster(client: RedisLike | string): client is Cluster {
  return (client as { isCluster?: boolean } | null | undefined)?.isCluster === true;
}
