import { useEffect, useState } from 'preact/hooks';
import { getJson, problemOf } from './api';

/** What was asked for: the last answer, and what went wrong with the last question. */
export interface Asked<T> {
  value: T | undefined;
  problem: string | undefined;
  isAsking: boolean;
}

/**
 * Asks an address, and again each time that `trigger` changes. Keeps the last answer meanwhile.
 * @param address - undefined to ask nothing
 */
export function useAsked<T>(address: string | undefined, trigger?: unknown): Asked<T> {
  const [asked, setAsked] = useState<Asked<T> & { of: string | undefined }>({
    of: address,
    value: undefined,
    problem: undefined,
    isAsking: address !== undefined,
  });
  useEffect(() => {
    if (address === undefined) return undefined;
    const gone = new AbortController();
    setAsked((before) => ({
      of: address,
      value: before.of === address ? before.value : undefined,
      problem: before.of === address ? before.problem : undefined,
      isAsking: true,
    }));
    getJson<T>(address, gone.signal).then(
      (value) => setAsked({ of: address, value, problem: undefined, isAsking: false }),
      (error: unknown) => {
        if (gone.signal.aborted) return;
        setAsked((before) => ({ ...before, problem: problemOf(error), isAsking: false }));
      },
    );
    return () => gone.abort();
  }, [address, trigger]);
  return asked.of === address ? asked : { value: undefined, problem: undefined, isAsking: address !== undefined };
}

/** Returns a number that changes every so many ms, and never while `ms` is undefined. */
export function useTicks(ms: number | undefined): number {
  const [ticks, setTicks] = useState(0);
  useEffect(() => {
    if (ms === undefined) return undefined;
    const timer = setInterval(() => {
      if (document.visibilityState === 'visible') setTicks((before) => before + 1);
    }, ms);
    return () => clearInterval(timer);
  }, [ms]);
  return ticks;
}
