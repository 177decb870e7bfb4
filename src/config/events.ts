import type { MageflowLogger } from './options';
import { runOutsideContext } from '../utils/outside-context';
import { messageOf } from '../utils/error-message';

/** An execution of an item, a callback or a task by itself has begun or ended, as this process saw it. */
export interface ItemEvent {
  /** The signature's id. */
  id: string;
  /** The group that it is an item of; of a task that was run by itself, its own id. */
  groupId: string;
  /** Its task's name, where this process knows it. */
  task?: string;
  /** Its place among the items of its group. */
  index?: number;
  /** Whether it is a callback. */
  callback: boolean;
  status: 'running' | 'succeeded' | 'failed' | 'cancelled';
  /** The engine's run; undefined for what was never published. */
  runId?: string;
  /** Why it failed. */
  error?: string;
}

/** A chain, a swarm or the internal swarm of a root task has become something else, by what this process did. */
export interface GroupEvent {
  id: string;
  kind: 'chain' | 'swarm';
  name: string;
  /** 'pending' when it is resumed before it was ever started. */
  status: 'pending' | 'running' | 'stopping' | 'cancelling' | 'suspended' | 'succeeded' | 'failed' | 'cancelled';
}

/** The reconciler of this process did something that another process, or the engine, left undone. */
export interface RepairEvent {
  groupId: string;
  entry: string;
  /** What was done, for people. */
  message: string;
}

/** Something went wrong that no call of the user's throws: a callback failed, or could not be published. */
export interface ErrorEvent {
  groupId: string;
  entry: string;
  message: string;
}

/** The events of one instance, by name. */
export interface MageflowEvents {
  item: ItemEvent;
  group: GroupEvent;
  repair: RepairEvent;
  error: ErrorEvent;
}

type Listener<N extends keyof MageflowEvents> = (event: MageflowEvents[N]) => unknown;

const names = ['item', 'group', 'repair', 'error'] as const;

/** Tells listeners in this process. What a listener throws is logged and disturbs nobody. */
export class Events {
  private readonly listeners = new Map<string, Set<Listener<never>>>();

  constructor(private readonly logger: MageflowLogger) {}

  /** @returns what stops it */
  on<N extends keyof MageflowEvents>(name: N, listener: Listener<N>): () => void {
    const known = this.listeners.get(name) ?? new Set<Listener<never>>();
    this.listeners.set(name, known);
    // One function may listen twice, and each stops by itself.
    const own: Listener<N> = (event) => listener(event);
    known.add(own);
    return () => void known.delete(own);
  }

  emit<N extends keyof MageflowEvents>(name: N, event: MageflowEvents[N]): void {
    // Those that listen now: one that is added meanwhile hears the next.
    for (const listener of [...(this.listeners.get(name) ?? [])])
      void this.callListener(name, listener as Listener<N>, event);
  }

  /** Whether anybody listens to what happens to items and callbacks. */
  get hasItemListener(): boolean {
    return this.hasListener('item') || this.hasListener('error');
  }

  /** Whether anybody listens to an event: its text may cost reads of Redis. */
  hasListener(name: keyof MageflowEvents): boolean {
    return (this.listeners.get(name)?.size ?? 0) > 0;
  }

  /** Whether an event's name is one. */
  static isName(name: unknown): name is keyof MageflowEvents {
    return (names as readonly unknown[]).includes(name);
  }

  private async callListener<N extends keyof MageflowEvents>(name: N, listener: Listener<N>, event: MageflowEvents[N]) {
    try {
      // Outside the body in which it happened: what a listener publishes is no child of a root's.
      await runOutsideContext(() => listener(event));
    } catch (error) {
      this.logger.error(`a listener of '${name}' threw: ${messageOf(error)}`);
    }
  }
}
