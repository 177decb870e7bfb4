import type { Bytes } from '../bytes';
import { ReplyError } from '../errors';
import { Status, type Reply } from '../replies';
import { LuaError, scriptName } from './error';
import { runtimeOf } from './library';
import { digits } from './numbers';
import { all } from './operators';
import { Table, type LuaFunction, type Value, type Values } from './table';

/** Carries out a command that a script calls. @throws ReplyError */
export type CallOfScript = (command: Bytes, args: readonly Bytes[]) => Reply;

export interface Script {
  lua: string;
  /** Its SHA-1, by which Redis names it in errors. */
  sha: string;
}

/** Returns the JavaScript of a script. @throws ReplyError */
export type Translate = (script: Script) => string;

/** What runs scripts. */
export interface Interpreter {
  /** @throws ReplyError */
  run(script: Script, keys: readonly Bytes[], args: readonly Bytes[]): Reply;
}

type Translated = (keys: Table, args: Table) => Values;

/** Runs scripts as Redis does, after their translation to JavaScript. */
export class LuaMachine implements Interpreter {
  /** The scripts that have run, by their names. */
  private readonly known = new Map<string, Translated>();
  private readonly runtime: Readonly<Record<string, unknown>>;

  constructor(
    private readonly callOfScript: CallOfScript,
    private readonly translate: Translate,
  ) {
    this.runtime = runtimeOf({ call: this.command(true), pcall: this.command(false) });
  }

  run(script: Script, keys: readonly Bytes[], args: readonly Bytes[]): Reply {
    const translated = this.known.get(script.sha) ?? this.load(script);
    try {
      return replyOf(all(translated(new Table([...keys]), new Table([...args])))[0]);
    } catch (error) {
      throw error instanceof LuaError ? failure(error, script) : error;
    }
  }

  private load(script: Script): Translated {
    const names = Object.keys(this.runtime);
    const source = `'use strict'; const { ${names.join(', ')} } = runtime; return (KEYS, ARGV) => { ${this.translate(script)} };\n//# sourceURL=${scriptName}`;
    // eslint-disable-next-line @typescript-eslint/no-implied-eval -- A script is a text, as for Redis: most of them never run.
    const make = new Function('runtime', source) as (runtime: unknown) => Translated;
    const translated = make(this.runtime);
    this.known.set(script.sha, translated);
    return translated;
  }

  private command(throws: boolean): LuaFunction {
    const refused = (message: Bytes): Table => {
      const table = tableWith('err', message);
      if (throws) throw new LuaError(table);
      return table;
    };
    return (...values) => {
      const words: Bytes[] = [];
      for (const value of values) {
        if (typeof value === 'string') words.push(value);
        else if (typeof value === 'number') words.push(digits(value));
        else return refused('ERR Lua redis lib command arguments must be strings or integers');
      }
      const [command, ...args] = words;
      if (command === undefined) return refused('ERR Please specify at least one argument for this redis lib call');
      try {
        return valueOf(this.callOfScript(command, args));
      } catch (error) {
        // Any other one is a fault of this program, which no script may catch.
        if (!(error instanceof ReplyError)) throw error;
        return refused(error.message);
      }
    };
  }
}

function failure({ value, line }: LuaError, { sha }: Script): ReplyError {
  const ofRedis = value instanceof Table ? value.get('err') : undefined;
  const text = typeof value === 'string' || typeof value === 'number' ? String(value) : undefined;
  const message =
    typeof ofRedis === 'string' ? ofRedis : `ERR ${text ?? 'a script has thrown a value that is no text'}`;
  const where = line === undefined ? '' : `, on @${scriptName}:${line}`;
  return new ReplyError(`${message} script: ${sha}${where}.`);
}

function tableWith(field: string, value: Value): Table {
  const table = new Table();
  table.set(field, value);
  return table;
}

/** Returns a reply as a script receives it. */
function valueOf(reply: Reply): Value {
  if (reply === null) return false;
  if (reply instanceof Status) return tableWith('ok', reply.text);
  return Array.isArray(reply) ? new Table(reply.map(valueOf)) : reply;
}

/** Returns what a script has returned, as Redis replies with it. @throws ReplyError for a table that is an error */
function replyOf(value: Value): Reply {
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return Math.trunc(value);
  if (typeof value === 'boolean') return value ? 1 : null;
  return value instanceof Table ? replyOfTable(value) : null;
}

function replyOfTable(table: Table): Reply {
  const error = table.get('err');
  if (typeof error === 'string') throw new ReplyError(error);
  const status = table.get('ok');
  if (typeof status === 'string') return new Status(status);
  const end = table.list.indexOf(undefined);
  return (end < 0 ? table.list : table.list.slice(0, end)).map(replyOf);
}
