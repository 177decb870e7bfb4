import type { Signature } from '../../../src';
import { eventually } from '../../helpers/fixture';
import type { Life } from '../life';
import type { Bound } from '../tasks';

/** How one item ends: how often its body runs when nothing dies (at most, of what is cancelled), and what becomes of it. */
export interface Piece {
  of: string;
  runs: number;
  status: 'succeeded' | 'failed' | 'cancelled';
  /** No wrapper keeps a second run of it from running the body, which a publication that was not confirmed can lead to. */
  unguarded?: boolean;
}

/** A callback, in how many runs it runs, and what each of them gets at least. */
export interface Callback {
  of: string;
  runs?: number;
  input?: object;
}

/** What has to be when a batch is over. */
export interface Expected {
  pieces: Piece[];
  callbacks: Callback[];
  limits: Bound[];
}

export interface Scenario {
  /** Makes the batch and runs it. Done again, from its beginning, by the process that takes over. */
  drive(life: Life): Promise<void>;
  /** Waits until it is over, and returns what must be true then. */
  over(life: Life): Promise<Expected>;
  /** How long what has ended is kept, in ms: short, when the batch is there to be forgotten. */
  finishedMs?: number;
}

/** How long a batch may take to be over, in ms: the engine alone takes 30 s to notice that a worker is dead. */
const patience = 300_000;

const lookEveryMs = 400;

/** Waits for something with the patience of a batch. Many of them wait at once: each looks now and then only. */
export function inTheEnd<T>(what: string, read: () => Promise<T>) {
  const look = async () => {
    await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
    return read();
  };
  return eventually(what, look, patience);
}

/** Waits for the end of something, however it ends. */
export function endOf(signature: Signature<any, any>): Promise<string> {
  return inTheEnd(`${signature.name} has ended`, async () => {
    const status = await signature.status();
    return ['succeeded', 'failed', 'cancelled'].includes(status) && status;
  });
}

export const numbers = (count: number) => Array.from({ length: count }, (_, n) => n);

export const pieces = (of: string, count: number, status: Piece['status'] = 'succeeded'): Piece[] =>
  numbers(count).map((n) => ({ of: `${of} ${n}`, runs: 1, status }));

/** The outputs of these items, in order. */
export const outputs = (of: readonly Piece[]) =>
  of.filter(({ status }) => status === 'succeeded').map(({ of: name }) => ({ of: name }));
