/** What can be done to a group: calls of the store, as data, so that each can be done again later, by whom, and printed. */

export type Kind = 'swarm' | 'chain' | 'root' | 'task';

/** How a group is made. */
export interface Config {
  kind: Kind;
  items: NewItem[];
  closed: boolean;
  limit: number;
  stopAfter: number;
  ratio: number;
  keepResults: boolean;
  timeout: boolean;
  /** How many callbacks of each kind. */
  success: number;
  error: number;
  /** Whether it sits in another group. */
  parent: boolean;
  /** Whether it is run as it is made. */
  run: boolean;
  /** How many items may start at once by its rate limit, which allows no further one within a sequence; 0 for no limit. */
  burst: number;
  /** Whether it closes when nothing was to be done for a while. */
  idle: boolean;
}

export interface NewItem {
  key: string;
  message: string;
  /** A task, a root task, or a group, whose run is that group. */
  kind: 'task' | 'root' | 'group';
  onSuccess: number;
  onError: number;
}

/** What distinguishes executions of one run. */
export interface Attempt {
  retryCount: number;
  invocation: number;
  nonce: string;
}

type Pairs = [entry: string, run: string][];
type Ended = 'succeeded' | 'failed' | 'cancelled';
interface Execution {
  entry: string;
  run: string;
  attempt: Attempt;
}

type Call =
  | { do: 'create'; sameCall: boolean }
  | { do: 'add'; items: NewItem[]; run: boolean; close: boolean }
  | { do: 'run'; message: string; ready: boolean }
  | { do: 'runNested'; message: string; rightful: boolean; round: number }
  | { do: 'runItem'; entry: string; message: string }
  | { do: 'grant' }
  | { do: 'confirm'; pairs: Pairs }
  | ({ do: 'start'; token: boolean; deadOwner: string; child: boolean; handBack: boolean } & Execution)
  | ({
      do: 'finish';
      outcome: 'succeeded' | 'failed' | 'threw' | 'aborted' | 'backed-off';
      payload: string;
      retries: number;
      pairs: Pairs;
    } & Execution)
  | { do: 'settle'; entry: string; run: string; outcome: Ended; payload: string; round: number | '' }
  | { do: 'lapse'; entries: string[] }
  | { do: 'renew'; entries: string[] }
  | { do: 'regrant'; entry: string; state: string; owner: number; run: string }
  | { do: 'close'; round: number | '' }
  | { do: 'cancel'; who: 'user' | 'parent' | 'stop' | 'timeout' | 'abandoned' }
  | { do: 'cancelEntry'; entry: string }
  | { do: 'suspend'; on: boolean; version?: number }
  | { do: 'suspendEntry'; entry: string; on: boolean }
  | { do: 'withdraw'; entries: string[] }
  | { do: 'update'; limit?: number; stopAfter?: number }
  | { do: 'timeOver' }
  | { do: 'pause' }
  | { do: 'pauseOver' }
  /** So much time passes that its rate limit holds nothing back. */
  | { do: 'refill' }
  /** So much time passes that it closes, if it was idle. */
  | { do: 'idleOver' }
  | { do: 'retry'; who: 'user' | 'parent' | 'more'; round: number; reopen: boolean }
  /** A user retries only these items, if they did not succeed. */
  | { do: 'retrySome'; only: number[] }
  | { do: 'retryCallbacks'; source: string }
  | { do: 'reopen'; round: number }
  | { do: 'noticed' }
  | { do: 'release' }
  | { do: 'spread' }
  | { do: 'remove' };

/** A call, and which of the two processes makes it. */
export type Action = Call & { by: number };

/** An action in a line that a person can read. */
export function describeAction({ by, do: what, ...rest }: Action): string {
  const parts = Object.entries(rest).map(([name, value]) => `${name}=${short(value)}`);
  return `${'AB'[by]}: ${what}${parts.length ? ` ${parts.join(' ')}` : ''}`;
}

function short(value: unknown): string {
  if (typeof value !== 'object' || value === null) return value === '' ? "''" : String(value);
  const { retryCount, invocation, nonce } = value as Partial<Attempt>;
  return nonce === undefined ? JSON.stringify(value) : `${retryCount}/${invocation}/${nonce}`;
}
