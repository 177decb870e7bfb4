import { Redis, type Cluster, type RedisOptions } from 'ioredis';
import { pause, type Clock } from '../utils/clock';
import { retry } from '../utils/retry';
import { runOutsideContext } from '../utils/outside-context';
import { ClosedError, ConfigurationError, describe, StoreError, StoreFormatError } from '../config/errors';
import { betweenFaultPoints } from '../utils/fault-points';
import { withTimeout, timeLimit } from '../utils/timeout';
import type { Settings } from '../config/options';
import { messageOf } from '../utils/error-message';
import { scripts } from './scripts.generated';
import { owesAnswers, DeadConnections } from './dead-connections';

const commandsAPiece = 16;
/** How long to wait for ioredis to notice a broken connection. */
const pauseMs = 10;

/** The settings that a connection uses. */
export type ConnectionSettings = Pick<Settings, 'clock' | 'commandTimeoutMs' | 'logger'>;

export type RedisLike = Redis | Cluster;

/** One run of a Redis server, and how long it has been up. */
export interface Server {
  run: string;
  upMs: number;
  /** True if it may have been a replica of another server before. */
  promoted: boolean;
}

export type ScriptName = keyof typeof scripts;
export type Reply = string | number | null | Reply[];

/** Takes its arguments as one list, which ioredis flattens: as separate arguments, large calls would overflow the stack. */
type ScriptCall = (args: (string | number)[]) => Promise<Reply>;

/**
 * mageflow's own connection: a duplicate of the user's, with options under which its time limits hold.
 *
 * Commands are neither queued while Redis is unreachable nor sent twice, because a failed call must not take effect later.
 */
export class RedisConnection {
  readonly client: RedisLike;
  private subscriber: RedisLike | undefined;
  private closed = false;
  /** Functions that reject the calls that wait for the connection. */
  private readonly waiting = new Set<() => void>();
  private warned = false;
  private readonly deadConnections: DeadConnections;
  /** Checks each new connection before other commands use it; undefined: new connections are used unchecked. */
  private check: ((client: RedisLike) => Promise<void>) | undefined;
  private checking: Promise<void> | undefined;
  /** True if this connection may be used: its check has succeeded, or none is needed. */
  private admitted = true;
  /** The number of commands sent in this turn of the event loop, and the stream that buffers them. */
  private turn: { stream: Redis['stream']; commands: number } | undefined;
  /** The connected server; undefined for a cluster, and for a server that does not report its run. */
  server: Promise<Server | undefined> = Promise.resolve(undefined);

  constructor(
    private readonly given: RedisLike | string,
    private readonly settings: ConnectionSettings,
  ) {
    this.deadConnections = new DeadConnections(settings.commandTimeoutMs, settings.clock);
    this.client = this.connect(true);
    this.client.on('ready', () => this.greet());
    this.client.on('close', () => {
      this.admitted = this.check === undefined;
      this.checking = undefined;
    });
    for (const [name, script] of Object.entries(scripts)) {
      this.client.defineCommand(commandName(name), { lua: script.lua, numberOfKeys: script.keys });
    }
  }

  /** Checks each connection once, before its first command. A `StoreFormatError` of the check refuses all commands. */
  admitWith(check: (client: RedisLike) => Promise<void>): void {
    this.check = check;
    this.admitted = false;
    // A check that has succeeded was another one.
    this.checking = undefined;
  }

  /** Repeats the check of this connection. @throws StoreFormatError, and the errors of `use` */
  async recheck(): Promise<void> {
    if (this.closed || this.client.status !== 'ready') return;
    this.checking = this.runCheck();
    await this.checking.catch((error: unknown) => {
      // For a moment after a disconnect the status is still 'ready'. The next connection is checked before its first command.
      if (!isNotWriteable(error)) throw this.failure('format', error);
    });
  }

  /** The time and timers of the instance. */
  get clock(): Clock {
    return this.settings.clock;
  }

  /** The address of the Redis, as far as the options show it. */
  get address(): string {
    if (isCluster(this.client))
      return `cluster ${JSON.stringify((this.client as unknown as { startupNodes?: unknown }).startupNodes)}`;
    const { host, port, path, db } = this.client.options;
    return `${path ?? `${host}:${port}`}/${db ?? 0}`;
  }

  /** Returns the servers that hold keys. A scan of all keys has to query each of them. @throws StoreError */
  async servers(): Promise<Redis[]> {
    // A cluster knows its nodes once it is connected.
    if (isCluster(this.client)) await this.use('ping', (redis) => redis.ping());
    return nodesOf(this.client);
  }

  /** Returns whether the connection was closed, so that further calls are pointless. */
  get isClosed(): boolean {
    return this.closed;
  }

  /** Returns whether calls are in progress. */
  get isBusy(): boolean {
    return this.waiting.size > 0 || owesAnswers(this.client);
  }

  /** Runs a script. @throws StoreError */
  call(name: ScriptName, keys: readonly string[], args: readonly (string | number)[]): Promise<Reply> {
    const run = (this.client as unknown as Record<string, ScriptCall>)[commandName(name)];
    if (!run) throw new TypeError(`No script named ${name} is defined.`);
    return this.use(name, () => run.call(this.client, [...keys, ...args]));
  }

  /** Sends commands. @throws StoreError when Redis is unreachable, refuses, or takes longer than `commandTimeoutMs` */
  use<T>(what: string, send: (client: RedisLike) => Promise<T>): Promise<T> {
    return betweenFaultPoints('redis', what, () => this.whenReady(what, send));
  }

  /** Subscribes to a channel; waits for a connection without a time limit. @throws the error with which ioredis rejects */
  async subscribe(channel: string): Promise<void> {
    const client = this.subscription();
    const since = this.settings.clock.elapsed();
    const callOff = timeLimit(this.settings.clock, this.settings.commandTimeoutMs, () =>
      this.deadConnections.breakSince(since, client),
    );
    try {
      await client.subscribe(channel);
    } finally {
      callOff();
    }
  }

  /** The connection for subscriptions, created when it is first needed. */
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
      // A node of a cluster connects when it is first needed. An earlier command would meet a half-open connection.
      if (node.status === 'ready') this.server = this.ask(node).catch(() => undefined);
      else node.once('ready', () => void this.ask(node).catch(() => undefined));
    }
  }

  /** Identifies the server, and warns if it may evict keys. */
  private async ask(node: Redis): Promise<Server | undefined> {
    const info = await this.use('info', () => node.info());
    const infoField = (name: string) => new RegExp(`^${name}:(\\S+)`, 'm').exec(info)?.[1];
    const policy = infoField('maxmemory_policy') ?? 'noeviction';
    if (policy !== 'noeviction' && !this.warned) {
      this.warned = true;
      this.settings.logger.warn(
        `this Redis may delete keys when its memory is full: its maxmemory-policy is ${policy}. Swarms would lose their state; set it to noeviction.`,
      );
    }
    const run = infoField('run_id');
    if (!run || isCluster(this.client)) return undefined;
    const promoted = infoField('second_repl_offset') !== '-1';
    return { run, upMs: Number(infoField('uptime_in_seconds')) * 1000, promoted };
  }

  private whenReady<T>(what: string, send: (client: RedisLike) => Promise<T>): Promise<T> {
    const time = { left: this.settings.commandTimeoutMs };
    return retry(
      () => this.sent(send, time),
      (error) => {
        // For a moment after a disconnect the status is still 'ready'. Nothing was sent in this case, so a retry is safe.
        if (isNotWriteable(error) && time.left > pauseMs) {
          time.left -= pauseMs;
          return pause(this.settings.clock, pauseMs);
        }
        throw this.failure(what, error);
      },
    );
  }

  private sent<T>(send: (client: RedisLike) => Promise<T>, time: { left: number }): Promise<T> {
    if (this.closed || this.client.status !== 'ready' || !this.admitted)
      return this.ready(time).then(() => this.sent(send, time));
    this.gather();
    const sentAt = this.settings.clock.elapsed();
    return this.withinLimit(time.left, send(this.client), () => this.deadConnections.breakSince(sentAt, this.client));
  }

  /**
   * Sends the commands of one turn of the event loop in a few pieces, because a system call for each would cost more than
   * most commands. One piece would be too few: Redis would be idle until this process has issued all commands.
   *
   * ioredis's automatic pipelines do something similar, but they send a pipeline only after all replies to the previous one
   * have arrived. Redis and this process would then work in turns.
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
    // When a connection is replaced, a turn of the event loop can have two streams.
    const turn = { stream, commands: 1 };
    this.turn = turn;
    stream.cork();
    this.settings.clock.immediate(() => {
      if (this.turn === turn) this.turn = undefined;
      stream.uncork();
    });
  }

  private connect(forCommands: boolean): RedisLike {
    const client = duplicate(this.given, forCommands, this.settings.commandTimeoutMs);
    // Each call that waits for the connection adds listeners, so their number has no limit.
    client.setMaxListeners(0);
    this.deadConnections.watch(client);
    let warnedAt = -Infinity;
    client.on('error', (error: Error) => {
      // ioredis reports each attempt to reconnect; one warning a minute is enough.
      if (this.closed || this.settings.clock.elapsed() - warnedAt < 60_000) return;
      warnedAt = this.settings.clock.elapsed();
      this.settings.logger.warn(`Redis is unreachable: ${messageOf(error)}. mageflow keeps trying.`);
    });
    return client;
  }

  private async ready(time: { left: number }): Promise<void> {
    if (this.closed) throw closedError();
    if (this.client.status === 'ready') return this.admit(time);
    if (this.client.status === 'wait' || this.client.status === 'end') {
      // The error event reports a failed attempt. Only the time limit matters here.
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
      let last: unknown = new Error(`not connected within ${this.settings.commandTimeoutMs} ms`);
      const onReady = () => settle(resolve);
      const onError = (error: Error) => void (last = error);
      const onClose = () => settle(() => reject(closedError()));
      const callOff = timeLimit(this.settings.clock, Math.max(1, time.left), () => settle(() => reject(last as Error)));
      this.waiting.add(onClose);
      this.client.once('ready', onReady);
      this.client.on('error', onError);
    });
  }

  private async admit(time: { left: number }): Promise<void> {
    const since = this.settings.clock.elapsed();
    this.checking ??= this.runCheck();
    try {
      await this.withinLimit(time.left, this.checking);
    } finally {
      time.left -= this.settings.clock.elapsed() - since;
    }
  }

  /** Checks the connection, and stores the result. After another error than a refusal, the next command checks again. */
  private runCheck(): Promise<void> {
    const { check, client } = this;
    const since = this.settings.clock.elapsed();
    const checked = betweenFaultPoints('redis', 'format', () => check?.(client) ?? Promise.resolve());
    const run: Promise<void> = this.withinLimit(this.settings.commandTimeoutMs, checked, () =>
      this.deadConnections.breakSince(since, client),
    ).then(
      () => void (this.admitted = true),
      (error: unknown) => {
        if (error instanceof StoreFormatError) this.admitted = false;
        else if (this.checking === run) this.checking = undefined;
        throw error;
      },
    );
    return run;
  }

  /** @throws the call's error, or an error that names Redis after some ms */
  private withinLimit<T>(ms: number, call: Promise<T>, isOver?: () => void): Promise<T> {
    return withTimeout(this.settings.clock, { who: 'Redis', ms: Math.max(1, Math.round(ms)), isOver }, call);
  }

  private failure(what: string, cause: unknown): StoreError | ClosedError {
    if (cause instanceof StoreFormatError) return cause;
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
  return new ClosedError('this Mageflow is closed. Create another one.', { cause });
}

function isNotWriteable(error: unknown): boolean {
  return messageOf(error).startsWith("Stream isn't writeable");
}

function commandName(script: string): string {
  return `mageflow:${script}`;
}

function duplicate(given: RedisLike | string, forCommands: boolean, timeoutMs: number): RedisLike {
  const own = {
    keyPrefix: '',
    lazyConnect: true,
    // The nodes of a cluster connect when they are first needed, and only pipelines wait for that connection.
    enableAutoPipelining: forCommands && isCluster(given),
    enableOfflineQueue: !forCommands,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: forCommands ? 0 : null,
    autoResubscribe: true,
    enableReadyCheck: true,
    readOnly: false,
    stringNumbers: false,
    connectTimeout: timeoutMs,
    // This class enforces the time limits: an ioredis timer can fire before replies that have arrived are read.
    commandTimeout: undefined,
    socketTimeout: undefined,
    retryStrategy: (attempt: number) => Math.min(50 * attempt, 1000),
  };
  if (typeof given === 'string') return new Redis(given, own);
  // instanceof would fail for another copy or major version of ioredis, so the methods are checked instead.
  if (isCluster(given)) {
    const { keyPrefix, lazyConnect, enableAutoPipelining, enableOfflineQueue, ...redisOptions } = own;
    const options: object = {
      keyPrefix,
      lazyConnect,
      enableAutoPipelining,
      enableOfflineQueue,
      scaleReads: 'master',
      clusterRetryStrategy: redisOptions.retryStrategy,
      // A node may have executed a command before its connection broke. The caller decides whether to send it again.
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
