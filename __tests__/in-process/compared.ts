import { ReplyError } from '../../src/testing/redis/errors';
import { LuaMachine, type CallOfScript, type Interpreter, type Script } from '../../src/testing/redis/lua/machine';
import type { Bytes } from '../../src/testing/redis/bytes';
import type { Reply } from '../../src/testing/redis/replies';
import { FengariMachine } from './fengari/machine';
import { translateAny } from './translate-any';

/** What a call has given: a reply, or an error of Redis. */
type Outcome = { reply: Reply } | { error: string };

/** A call of a command, and what came of it. */
interface Called {
  command: Bytes;
  args: readonly Bytes[];
  outcome: Outcome;
}

function outcomeOf(work: () => Reply): Outcome {
  try {
    return { reply: work() };
  } catch (error) {
    if (error instanceof ReplyError) return { error: error.message };
    throw error;
  }
}

function replyOf(outcome: Outcome): Reply {
  if ('reply' in outcome) return outcome.reply;
  throw new ReplyError(outcome.error);
}

const ofLua = /^ERR (?:user_script:\d+: )?(?:attempt|bad argument|invalid value|number has no|table index|too many)/;

/** Lua 5.3 words its own errors in another way. */
const withoutWording = (outcome: Outcome): Outcome =>
  'error' in outcome && ofLua.test(outcome.error) ? { error: 'an error of Lua' } : outcome;

/**
 * Runs each script twice: as the testing kit does, translated, and by fengari. The second one gets the replies of the first,
 * and must call the same commands with the same arguments, in the same order. So both leave the same in Redis.
 */
export class Compared implements Interpreter {
  /** How often each script was run, by its SHA-1. */
  static readonly runs = new Map<string, number>();
  private calls: Called[] = [];
  private readonly translated: Interpreter;
  private readonly fengari: Interpreter;

  constructor(call: CallOfScript) {
    const record: CallOfScript = (command, args) => {
      const outcome = outcomeOf(() => call(command, args));
      this.calls.push({ command, args, outcome });
      return replyOf(outcome);
    };
    const replay: CallOfScript = (command, args) => {
      const expected = this.calls.shift();
      if (!expected || expected.command !== command || JSON.stringify(expected.args) !== JSON.stringify(args))
        throw new Error(
          `fengari calls ${JSON.stringify([command, ...args])}, the translation ${JSON.stringify(expected ?? 'nothing more')}.`,
        );
      return replyOf(expected.outcome);
    };
    this.translated = new LuaMachine(record, translateAny);
    this.fengari = new FengariMachine(replay);
  }

  run(script: Script, keys: readonly Bytes[], args: readonly Bytes[]): Reply {
    this.calls = [];
    const ours = outcomeOf(() => this.translated.run(script, keys, args));
    const theirs = outcomeOf(() => this.fengari.run(script, keys, args));
    const [shown, expected] = [ours, theirs].map((outcome) => JSON.stringify(withoutWording(outcome)));
    if (shown !== expected || this.calls.length > 0)
      throw new Error(
        `The interpreters differ. Translated: ${JSON.stringify(ours)}, fengari: ${JSON.stringify(theirs)}, commands that fengari left out: ${JSON.stringify(this.calls)}, of ${script.lua.slice(-500)} with ${JSON.stringify([keys, args])}`,
      );
    Compared.runs.set(script.sha, (Compared.runs.get(script.sha) ?? 0) + 1);
    return replyOf(ours);
  }
}
