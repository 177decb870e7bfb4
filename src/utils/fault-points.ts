/** Called before a call to Redis or to the engine, and after its answer. */
export type FaultHook = (point: string) => void | Promise<void>;

/** Set by fault tests only, to kill or hold the process at a fault point. */
export const faultPoints: { hook?: FaultHook } = {};

/** Makes a call between its two fault points, "before redis finish" and "after redis finish" for example. */
export function betweenFaultPoints<T>(service: 'redis' | 'engine', what: string, call: () => Promise<T>): Promise<T> {
  const { hook } = faultPoints;
  if (!hook) return call();
  return hooked(hook, `${service} ${what}`, call);
}

async function hooked<T>(hook: FaultHook, what: string, call: () => Promise<T>): Promise<T> {
  await hook(`before ${what}`);
  const result = await call();
  await hook(`after ${what}`);
  return result;
}
