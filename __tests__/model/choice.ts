import type { Action } from './actions';
import type { Run } from './run';

export interface Choice {
  what: string;
  by: number;
  a: number;
  b: number;
  c: number;
}

export type Call = { do: Action['do'] } & Record<string, unknown>;
export type Maker = (run: Run, choice: Choice) => Call | undefined;

export const pick = <T>(list: readonly T[], n: number): T | undefined => list[n % Math.max(1, list.length)];
