import { createHash } from 'node:crypto';
import { Redis } from 'ioredis';
import { scripts } from '../../src/store/scripts.generated';

/** One call of a client: of a script by its name in src/store/scripts, or a command by its own. */
export interface Call {
  name: string;
  /** The commands that a script carried out. */
  commands: string[];
}

const names = new Map(Object.entries(scripts).map(([name, { lua }]) => [hash(lua), name]));

/** All that a Redis of a test's own is asked for, in order, with what each script did. */
export class CallLog {
  private readonly calls: Call[] = [];

  private constructor(
    private readonly listener: Redis,
    private readonly redis: Redis,
  ) {}

  static async open(url: string): Promise<CallLog> {
    const redis = new Redis(url);
    // A script that is known is called by its hash alone.
    await Promise.all(Object.values(scripts).map(({ lua }) => redis.script('LOAD', lua)));
    const listener = await redis.monitor();
    const log = new CallLog(listener, redis);
    listener.on('monitor', (_time: string, command: string[], source: string) => log.record(command, source));
    return log;
  }

  /** The calls that were made while something was done. */
  async during(work: () => Promise<unknown>): Promise<Call[]> {
    await this.caughtUp();
    const from = this.calls.length;
    await work();
    await this.caughtUp();
    return this.calls.slice(from);
  }

  close(): void {
    this.listener.disconnect();
    this.redis.disconnect();
  }

  /** Resolves when the log contains everything that Redis has answered by now. */
  private async caughtUp(): Promise<void> {
    const mark = `mark ${Math.random()}`;
    const seen = new Promise<void>((resolve) => {
      const record = (_time: string, [, text]: string[]) => {
        if (text !== mark) return;
        this.listener.off('monitor', record);
        resolve();
      };
      this.listener.on('monitor', record);
    });
    await this.redis.echo(mark);
    await seen;
  }

  private record([command = '', text]: string[], source: string): void {
    const name = command.toLowerCase();
    // The monitor reports the commands of a script right after its call.
    if (source === 'lua') this.calls.at(-1)?.commands.push(name);
    else this.calls.push({ name: (name === 'evalsha' && names.get(text ?? '')) || name, commands: [] });
  }
}

function hash(text: string): string {
  return createHash('sha1').update(text).digest('hex');
}

/** Whether this is the name of a script, or of a command. */
export function isScript(name: string): boolean {
  return name in scripts;
}

/** By name. */
export type Sums = Record<string, { calls: number; commands: number }>;

/** How many calls there were of each name, and how many commands those made. */
export function sums(calls: readonly Call[]): Sums {
  const found: Sums = {};
  for (const { name, commands } of calls) {
    const sum = (found[name] ??= { calls: 0, commands: 0 });
    sum.calls += 1;
    sum.commands += commands.length;
  }
  return found;
}
