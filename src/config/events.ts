import type { MageflowLogger } from './options';
import { runOutsideContext } from '../utils/outside-context';
import { messageOf } from '../utils/error-message';

/** An execution of an item, a callback or a single task has begun or ended in this process. */
export interface ItemEvent {
  /** The signature's id. */
  id: string;
  /** The id of its group. For a task that was run by itself, its own id. */
  groupId: string;
  /** The name of its task, if this process has it. */
  task?: string;
  /** Its index among the items of its group. */
  index?: number;
  /** True if it is a callback. */
  callback: boolean;
  status: 'running' | 'succeeded' | 'failed' | 'cancelled';
  /** The id of the engine's run. Undefined when it was never published. */
  runId?: string;
  /** The error message. */
  error?: string;
}

/** A chain, a swarm or the internal swarm of a root task has changed its status, through an action of this process. */
export interface GroupEvent {
  id: string;
  kind: 'chain' | 'swarm';
  name: string;
  /** 'pending' when it was resumed before it was started. */
  status: 'pending' | 'running' | 'stopping' | 'cancelling' | 'suspended' | 'succeeded' | 'failed' | 'cancelled';
}

/** The reconciler of this process has completed work that another process or the engine left unfinished. */
export interface RepairEvent {
  groupId: string;
  entry: string;
  /** A description of the repair, for people. */
  message: string;
}

/** An error that no call of yours throws: a callback failed, or could not be published. */
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

/** Calls the listeners of this process. An error that a listener throws is logged and has no other effect. */
export class Events {
  private readonly listeners = new Map<string, Set<Listener<never>>>();

  constructor(private readonly logger: MageflowLogger) {}

  /** @returns a function that removes the listener */
  on<N extends keyof MageflowEvents>(name: N, listener: Listener<N>): () => void {
    const known = this.listeners.get(name) ?? new Set<Listener<never>>();
    this.listeners.set(name, known);
    // The wrapper lets one function be added twice, and each addition be removed by itself.
    const own: Listener<N> = (event) => listener(event);
    known.add(own);
    return () => void known.delete(own);
  }

  emit<N extends keyof MageflowEvents>(name: N, event: MageflowEvents[N]): void {
    // The copy holds the current listeners. A listener that is added meanwhile receives the next event.
    for (const listener of [...(this.listeners.get(name) ?? [])])
      void this.callListener(name, listener as Listener<N>, event);
  }

  /** Returns whether there is a listener for events of items and callbacks. */
  get hasItemListener(): boolean {
    return this.hasListener('item') || this.hasListener('error');
  }

  /** Returns whether there is a listener for an event. Without one, the reads of Redis for its text can be saved. */
  hasListener(name: keyof MageflowEvents): boolean {
    return (this.listeners.get(name)?.size ?? 0) > 0;
  }

  static isName(name: unknown): name is keyof MageflowEvents {
    return (names as readonly unknown[]).includes(name);
  }

  private async callListener<N extends keyof MageflowEvents>(name: N, listener: Listener<N>, event: MageflowEvents[N]) {
    try {
      // Runs outside the body, so that a signature that a listener runs does not become a child of a root.
      await runOutsideContext(() => listener(event));
    } catch (error) {
      this.logger.error(`a listener of '${name}' threw: ${messageOf(error)}`);
    }
  }
}
