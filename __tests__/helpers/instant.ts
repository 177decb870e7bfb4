import { randomBytes } from 'node:crypto';
import { InstantEngine } from '../../bench/helpers/instant-engine';
import type { Mageflow, MageflowOptions } from '../../src';
import type { Scope } from '../../src/api/scope';
import type { GroupStore } from '../../src/store/group-store';
import { Fixture } from './fixture';

/** A fixture whose engine takes each run at once and runs its body in this process: for what only Redis decides. */
export function instant(options: MageflowOptions = {}): { fixture: Fixture; engine: InstantEngine } {
  const engine = new InstantEngine(`t${randomBytes(5).toString('hex')}`);
  const fixture = new Fixture(options, engine.hatchet);
  fixture.mage.startReconciler();
  return { fixture, engine };
}

export function scopeOf(mage: Mageflow): Scope {
  return (mage as unknown as { scope: Scope }).scope;
}

/** Has the next call of one method of the store do something else, which is handed the real one. */
export function onceIn<M extends 'add' | 'create' | 'adopt' | 'disown' | 'discard'>(
  mage: Mageflow,
  method: M,
  instead: (real: () => ReturnType<GroupStore[M]>) => Promise<unknown>,
): void {
  const { store } = scopeOf(mage);
  const real = store[method].bind(store) as (...args: unknown[]) => ReturnType<GroupStore[M]>;
  const spy = jest.spyOn(store, method) as unknown as jest.SpyInstance<unknown, unknown[]>;
  spy.mockImplementationOnce((...args) => instead(() => real(...args)));
}
