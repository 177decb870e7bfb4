import type { Config, NewItem } from './actions';
import { holdsSlot, isOutcome, mark, type Answer, type State, type Status, type Unit } from './unit';

/** What there is of a group, and what readers have to see of it. */
export class GroupState {
  status: Status = 'pending';
  closed: boolean;
  suspended = false;
  /** Version of the last word on suspending it. */
  word = 0;
  /** It is being made ready to be tried again. */
  preparing = false;
  /** How many items it had then. */
  retried = 0;
  /** Only chosen items are tried again; how many had ended before. */
  choosing: number | undefined;
  /** How many stayed failed when others were tried again. */
  kept = 0;
  /** It was stopped or cancelled before, and not all that this cut off is tried again. */
  cutOff = false;
  items: Unit[] = [];
  callbacks: Unit[] = [];
  /** That its end has to be reported to its parent. */
  telling: Unit | undefined;
  /** Items that wait for a slot, in their order. */
  line: Unit[] = [];
  /** Items in the order in which they ended, and those that failed. */
  ends: Unit[] = [];
  failures: Unit[] = [];
  limit: number;
  /** The highest limit that it ever had. */
  highest = 0;
  stopAfter: number;
  /** Who cancelled it. */
  why: string | undefined;
  deadline: 'none' | 'ahead' | 'over' = 'none';
  /** Whether it has been given its message. */
  hasMessage = false;
  round = 0;
  parentRound = 0;
  /** Nothing of it starts for a while. */
  paused = false;
  /** How many items may start by its rate limit. Below 0, attempts that threw have started more. */
  tokens: number;
  released = false;
  heldBack = false;
  toSpread = false;
  children: Record<string, string> = {};
  gone = false;
  /** How often its own callbacks have been fired, and how often it was to end. */
  claims = 0;
  protected answer!: Answer;
  protected by = 0;

  constructor(readonly config: Config) {
    this.closed = config.closed;
    this.limit = this.highest = config.limit;
    this.stopAfter = config.stopAfter;
    this.tokens = config.burst;
    for (const item of config.items) this.items.push(this.unit(String(this.items.length), item, 'waiting'));
  }

  /** All of it, to see whether something has changed. */
  asText(): string {
    const { config: _, answer: __, by: ___, ...rest } = this;
    return JSON.stringify(rest, (name, value: unknown) =>
      ['line', 'ends', 'failures'].includes(name) ? (value as Unit[]).map((u) => u.name) : value,
    );
  }

  get all(): Unit[] {
    return [...this.items, ...this.callbacks];
  }
  get active(): Unit[] {
    return [...this.all, ...(this.telling ? [this.telling] : [])].filter((u) => holdsSlot(u) || u.state === 'deferred');
  }
  get slots(): number {
    return this.items.filter(holdsSlot).length;
  }
  /** How many items were granted, and have not begun. */
  get held(): number {
    return this.items.filter(({ token }) => token).length;
  }
  get hasToken(): boolean {
    return this.config.burst === 0 || this.tokens >= 1;
  }
  /** Nothing is to be done in it, and more may be added. */
  get idle(): boolean {
    const { closed, hasMessage, status, slots, suspended, preparing, paused, items } = this;
    const stands = slots === 0 && !suspended && !preparing && !paused && items.every(({ state }) => isOutcome(state));
    return this.config.idle && !closed && hasMessage && status === 'running' && stands;
  }
  get ended(): boolean {
    return isOutcome(this.status);
  }
  get stopped(): boolean {
    return this.status === 'stopping' || this.status === 'cancelling';
  }
  /** Nothing can happen to it any more but what a person asks for. */
  get over(): boolean {
    return this.ended && this.active.length === 0;
  }
  count(state: State): number {
    return this.items.filter((u) => u.state === state).length;
  }
  find(name: string): Unit | undefined {
    return name === 'p' ? this.telling : this.all.find((u) => u.name === name);
  }
  /** Suspended by itself, by a word that is newer than the last one on the group. */
  alone(u: Unit): boolean {
    return u.word.suspended && u.word.version > this.word;
  }

  /** What a reader returns for an item. */
  seen(u: Unit): string {
    if (holdsSlot(u)) {
      if (this.alone(u) || (this.suspended && this.config.kind === 'task')) return 'suspended';
      return u.state === 'published' && u.kind === 'group' ? 'running' : u.state;
    }
    if (isOutcome(u.state)) return u.state;
    if (this.stopped || this.status === 'failed' || this.status === 'cancelled') return 'cancelled';
    return this.suspended || this.alone(u) ? 'suspended' : u.state;
  }

  resultOf(u: Unit): string | undefined {
    if (!isOutcome(u.state) || u.unbegun) return undefined;
    if (this.isItem(u) && u.state === 'succeeded' && !this.config.keepResults) return undefined;
    return mark(u.state) + u.payload;
  }
  isItem(u: Unit): boolean {
    return /^\d/.test(u.name);
  }
  protected unit(name: string, item: NewItem, state: State, fired = ''): Unit {
    const word = { suspended: false, version: 0 };
    const rest = {
      run: '',
      attempt: undefined,
      owner: 0,
      publications: 1,
      due: false,
      threw: 0,
      lastThrow: -1,
      begun: 0,
    };
    const flags = {
      superseded: false,
      token: false,
      doomed: false,
      void: [],
      word,
      passed: false,
      spent: 0,
      spentBegun: 0,
      body: undefined,
      child: '',
      payload: '',
      unbegun: false,
    };
    return { ...item, name, state, fired, ...rest, ...flags };
  }
}
