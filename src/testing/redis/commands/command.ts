import type { Bytes } from '../bytes';
import type { Keyspace } from '../keyspace';
import type { Reply } from '../replies';

/** What a command may use. */
export interface Surroundings {
  keyspace: Keyspace;
  /** The time of this Redis: whole seconds since 1970, and the microseconds behind them. */
  time(): { seconds: number; micros: number };
  /** For how long this Redis has been there, in ms. */
  upMs(): number;
  /** Sends a message to the subscribers of a channel; returns their number. */
  publish(channel: Bytes, message: Bytes): number;
  /** A name that no other Redis of this process has. */
  runId: string;
}

type Run = (around: Surroundings, args: readonly Bytes[]) => Reply;

export interface Command {
  /** The least and the greatest number of arguments. */
  from: number;
  to: number;
  run: Run;
}

export type Commands = Readonly<Record<string, Command>>;

/** A command with so many arguments. */
export const exactly = (number: number, run: Run): Command => ({ from: number, to: number, run });

export const atLeast = (number: number, run: Run): Command => ({ from: number, to: Infinity, run });

export const between = (from: number, to: number, run: Run): Command => ({ from, to, run });
