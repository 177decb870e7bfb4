import type { Timer } from '../utils/clock';
import { isEnded } from '../store/group-reader';
import type { GroupStore } from '../store/group-store';
import { hasEffects, startsCancelling, type Effects } from '../store/replies';
import type { EngineClient } from '../hatchet/client';
import type { Canceller } from './canceller';
import type { Deadlines } from './deadlines';
import type { GroupCache } from './group-cache';
import type { Nesting } from './nesting';
import type { NextStarts } from './next-starts';
import type { Outbox } from './outbox';

/** The parts that carry out one kind of effect each. */
export interface EffectParts {
  readonly outbox: Outbox;
  readonly nesting: Nesting;
  readonly canceller: Canceller;
  readonly deadlines: Deadlines;
  readonly nextStarts: NextStarts;
  readonly cache: GroupCache;
}

/** Carries out what a script left to do outside its group. No other place does. */
export class EffectRunner {
  /** @param parts - returns the parts, which need this runner themselves */
  constructor(
    private readonly store: GroupStore,
    private readonly engine: EngineClient,
    private readonly parts: () => EffectParts,
  ) {}

  /**
   * Carries out the effects of a script, and of the further grants that it has left. Resolves when the engine has accepted
   * each run, or its permanent failure has been stored.
   */
  async carryOut(groupId: string, effects: Effects): Promise<void> {
    if (!effects.more) return this.carryOutOnce(groupId, effects);
    const waits: Promise<void>[] = [];
    for (let current = effects; ;) {
      const wait = this.carryOutOnce(groupId, current);
      // It is awaited below. Until then, or when the next grant throws, a rejection would count as unhandled.
      wait.catch(() => undefined);
      waits.push(wait);
      if (!current.more || !(await this.parts().outbox.hasRoom())) break;
      current = (await this.store.grant(groupId)).effects;
    }
    await Promise.all(waits);
  }

  private async carryOutOnce(groupId: string, effects: Effects): Promise<void> {
    const { outbox, nesting, canceller, deadlines, nextStarts, cache } = this.parts();
    const ended = isEnded(effects.status);
    if (ended) {
      deadlines.drop(groupId);
      nextStarts.drop(groupId);
    }
    if (!hasEffects(effects)) return;
    const waits: Promise<unknown>[] = [outbox.publish(groupId, effects)];
    for (const root of effects.closing) waits.push(nesting.closeChildren(groupId, root));
    if (effects.expiring) waits.push(this.store.expireResults(groupId, effects.total));
    if (effects.timeLeft !== undefined) waits.push(this.watchTime(groupId, effects.timeLeft));
    if (effects.withdrawn.length > 0) waits.push(this.engine.cancel(effects.withdrawn));
    if (effects.cascade) waits.push(nesting.cascadeStop(groupId, effects));
    if (startsCancelling(effects)) waits.push(canceller.cancelRunning(groupId));
    await Promise.all(waits);
    if (ended) cache.drop(groupId);
  }

  /**
   * Carries out the effects of a user's call. They are durable in Redis already, so when the engine is away, the call waits
   * no longer for it than for Redis.
   */
  async carryOutBriefly(groupId: string, effects: Effects): Promise<void> {
    if (!hasEffects(effects)) return;
    let timer: Timer | undefined;
    const enough = new Promise<void>((resolve) => {
      timer = this.store.clock.timeout(resolve, this.store.settings.commandTimeoutMs);
    });
    try {
      await Promise.race([this.carryOut(groupId, effects), enough]);
    } finally {
      timer?.cancel();
    }
  }

  /**
   * Ends a group when its time limit is over: sets a timer here, and registers the group for the reconciler of any process.
   * @param timeLeft - in ms
   */
  async watchTime(groupId: string, timeLeft: number): Promise<void> {
    this.parts().deadlines.set(groupId, timeLeft);
    await this.store.register(groupId, timeLeft);
  }
}
