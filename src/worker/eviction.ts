import { durationToMs, type CreateDurableTaskWorkflowOpts } from '@hatchet-dev/typescript-sdk';
import { ConfigurationError, describe } from '../config/errors';
import { refuseUnknown, trueOrFalse } from '../config/options';

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- the SDK's own options, whatever their types
type EvictionPolicy = NonNullable<CreateDurableTaskWorkflowOpts<any, any>['evictionPolicy']>;

/** The SDK's own default is 15 minutes, long after the default time limit (60 s) has ended a body that waits. */
const defaultTtl = '30s';

// The type makes the compiler report fields that a later SDK version adds.
const fields: Record<keyof EvictionPolicy, true> = { ttl: true, allowCapacityEviction: true, priority: true };

/**
 * Completes the eviction policy of a durable root, so that a body that waits leaves its worker before its time limit ends it.
 * @param timeoutMs - the time limit of one attempt
 * @throws ConfigurationError when the policy is invalid, or evicts no sooner than the time limit
 */
export function resolveEviction(name: string, given: unknown, timeoutMs: number): EvictionPolicy {
  const policy = (given ?? {}) as EvictionPolicy;
  refuseUnknown(policy, new Set(Object.keys(fields)), 'field of evictionPolicy');
  const { allowCapacityEviction = true, priority = 0 } = policy;
  const ttl = policy.ttl ?? defaultTtl;
  const what = `evictionPolicy.ttl of ${name}`;
  const ttlMs = timeOf(ttl);
  if (ttlMs === undefined)
    throw new ConfigurationError(
      `${what}: expected a time above zero, such as '30s', 30000 or { seconds: 30 }, got ${describe(ttl)}.`,
    );
  if (ttlMs >= timeoutMs)
    throw new ConfigurationError(
      `${what}: expected less than its executionTimeout of ${timeoutMs} ms, got ${ttlMs} ms. The execution timeout also counts while the body waits in a worker, and would end it before it is evicted. Set a shorter ttl, or a longer executionTimeout.`,
    );
  trueOrFalse(`evictionPolicy.allowCapacityEviction of ${name}`, allowCapacityEviction);
  if (typeof priority !== 'number' || !Number.isFinite(priority))
    throw new ConfigurationError(`evictionPolicy.priority of ${name}: expected a number, got ${describe(priority)}.`);
  return { ttl, allowCapacityEviction, priority };
}

/** Returns a time in ms; undefined when it is none, or not above zero: to the SDK, zero means that nothing is evicted. */
function timeOf(ttl: NonNullable<EvictionPolicy['ttl']>): number | undefined {
  try {
    const ms = durationToMs(ttl);
    return Number.isFinite(ms) && ms > 0 ? ms : undefined;
  } catch {
    return undefined;
  }
}
