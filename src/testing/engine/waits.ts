import { durationToMs, type Duration } from '@hatchet-dev/typescript-sdk';
import type { Clock } from '../../utils/clock';
import { accepts } from './expression';

/** What somebody waits for, as the SDK sends it: of each group one condition has to be met. */
export interface Conditions {
  sleepConditions: readonly { base?: ConditionBase | undefined; sleepFor: string }[];
  userEventConditions: readonly {
    base?: ConditionBase | undefined;
    userEventKey: string;
    considerEventsSince?: Date | undefined;
  }[];
}

interface ConditionBase {
  readableDataKey: string;
  orGroupId: string;
  expression: string;
}

/** An event that was pushed. */
export interface PushedEvent {
  id: string;
  key: string;
  payload: object;
  at: number;
}

/** What met the conditions of a wait, by the keys of the conditions. */
export type Met = Record<string, object[]>;

/** A wait for an event. */
interface Listener {
  key: string;
  /** @returns whether it has what it waits for */
  receive(event: PushedEvent): boolean;
}

/** The events that were pushed, and the waits for sleeps and events. */
export class Waits {
  readonly events: PushedEvent[] = [];
  private readonly listeners = new Set<Listener>();

  constructor(private readonly clock: Clock) {}

  push(event: PushedEvent): void {
    this.events.push(event);
    for (const listener of [...this.listeners])
      if (listener.key === event.key && listener.receive(event)) this.listeners.delete(listener);
  }

  /**
   * Begins a wait.
   * @param met - called once, when of each group one condition is met
   * @returns a function that ends the wait
   */
  begin({ sleepConditions, userEventConditions }: Conditions, met: (found: Met) => void): () => void {
    const open = new Set([...sleepConditions, ...userEventConditions].map(({ base }) => base?.orGroupId ?? ''));
    const found: Met = {};
    const ends: (() => void)[] = [];
    const end = () => {
      for (const one of ends.splice(0)) one();
    };
    const meet = (base: ConditionBase | undefined, by: object) => {
      (found[base?.readableDataKey ?? ''] ??= []).push(by);
      open.delete(base?.orGroupId ?? '');
      if (open.size > 0) return;
      end();
      met(found);
    };
    for (const { base, sleepFor } of sleepConditions) {
      const wake = () => meet(base, { sleep_duration: sleepFor });
      const timer = this.clock.timeout(wake, durationToMs(sleepFor as Duration));
      timer.unref();
      ends.push(() => timer.cancel());
    }
    for (const { base, userEventKey: key, considerEventsSince: since } of userEventConditions) {
      const receive = (event: PushedEvent) => {
        if (!accepts(base?.expression ?? '', event.payload)) return false;
        meet(base, event.payload);
        return true;
      };
      const before =
        since && this.events.find((event) => event.key === key && event.at >= since.getTime() && receive(event));
      if (before) continue;
      const listener: Listener = { key, receive };
      this.listeners.add(listener);
      ends.push(() => void this.listeners.delete(listener));
    }
    return end;
  }
}
