import { createHash, randomBytes } from 'node:crypto';
import { systemClock, type Clock } from '../../utils/clock';
import type { Bytes } from './bytes';
import { Channels } from './channels';
import type { Command, Commands, Surroundings } from './commands/command';
import { hashes } from './commands/hashes';
import { keys } from './commands/keys';
import { lists } from './commands/lists';
import { server } from './commands/server';
import { sortedSets } from './commands/sorted-sets';
import { strings } from './commands/strings';
import { notKnown, ReplyError } from './errors';
import { Keyspace } from './keyspace';
import { LuaMachine, type CallOfScript, type Interpreter, type Script } from './lua/machine';
import { translationOf } from './lua/translations';
import type { Reply } from './replies';

/** All commands that it knows, by their names. */
export const commands: Commands = { ...strings, ...hashes, ...lists, ...sortedSets, ...keys, ...server };

/**
 * A Redis inside this process, for tests: it needs no server and no network, and its time is that of a clock. It has the
 * commands and scripts that mageflow uses. Every other command fails with an error that names it.
 *
 * Commands are carried out one after the other, as in Redis. All is lost with the object.
 */
export class InProcessRedis {
  readonly channels = new Channels();
  /** Tells it from others of this process. */
  readonly name = `in-process-${randomBytes(6).toString('hex')}`;
  private readonly keyspace = new Keyspace();
  private readonly interpreter: Interpreter;
  private readonly around: Surroundings;
  private readonly begunAt: number;
  /** The time of the current command. Within one millisecond each has a microsecond of its own, as far as they suffice. */
  private micros = 0;

  /**
   * @param clock - its time; that of the process by default
   * @param interpreterOf - makes what runs scripts; by default one that runs those of the store, and no others
   */
  constructor(
    readonly clock: Clock = systemClock,
    interpreterOf = (call: CallOfScript): Interpreter => new LuaMachine(call, translationOf),
  ) {
    this.begunAt = clock.now();
    this.interpreter = interpreterOf((command, args) => this.ofScript(command, args));
    this.around = {
      keyspace: this.keyspace,
      runId: randomBytes(20).toString('hex'),
      time: () => ({
        seconds: Math.floor(this.keyspace.now / 1_000),
        micros: (this.keyspace.now % 1_000) * 1_000 + this.micros,
      }),
      upMs: () => this.keyspace.now - this.begunAt,
      publish: (channel, message) => this.channels.publish(channel, message),
    };
  }

  /** Carries out a command. @throws ReplyError */
  execute(name: string, args: readonly Bytes[]): Reply {
    const command = commandOf(name);
    expectNumber(name, command, args.length);
    this.tick();
    return command.run(this.around, args);
  }

  /** Runs a script, during which the time stands still. @throws ReplyError */
  runScript(script: Script, keyNames: readonly Bytes[], args: readonly Bytes[]): Reply {
    this.tick();
    return this.interpreter.run(script, keyNames, args);
  }

  private ofScript(name: Bytes, args: readonly Bytes[]): Reply {
    const command = commandOf(name);
    if (args.length < command.from || args.length > command.to)
      throw new ReplyError('ERR Wrong number of args calling Redis command from script');
    return command.run(this.around, args);
  }

  private tick(): void {
    const now = Math.floor(this.clock.now());
    this.micros = now === this.keyspace.now ? Math.min(this.micros + 1, 999) : 0;
    this.keyspace.now = now;
  }
}

const known = new Map<string, Script>();

/** Returns a script with the name that Redis gives it. */
export function scriptOf(lua: string): Script {
  // Each connection defines all scripts of the store.
  const before = known.get(lua);
  if (before) return before;
  const script = { lua, sha: createHash('sha1').update(lua).digest('hex') };
  known.set(lua, script);
  return script;
}

function commandOf(name: string): Command {
  const upper = name.toUpperCase();
  const command = Object.hasOwn(commands, upper) ? commands[upper] : undefined;
  if (!command) throw notKnown(`the command ${upper}`);
  return command;
}

function expectNumber(name: string, { from, to }: Command, number: number): void {
  if (number < from || number > to)
    throw new ReplyError(`ERR wrong number of arguments for '${name.toLowerCase()}' command`);
}
