import { isPlainObject, type Message } from './json';
import { placeAt, type Issue } from './zod-parts';

/**
 * Returns a message in which result values that the schema refused are replaced. A refused null, which stands for undefined
 * in JSON, becomes undefined; a refused undefined is removed. So an optional field accepts a missing output, and a
 * nullable one accepts null.
 * @param issues - the issues that the schema found
 * @param fields - the fields of the message in which results arrive
 * @returns undefined when no issue is at such a place
 */
export function withoutNulls(
  message: Message,
  issues: readonly Issue[],
  fields: readonly string[],
): Message | undefined {
  const paths = nothingsIn(message, issues, []).filter(([field]) => fields.includes(String(field)));
  // Several options of a union may refuse the same place.
  const places = new Map(paths.map((path) => [JSON.stringify(path), path]));
  return places.size === 0 ? undefined : [...places.values()].reduce<Message>(less, message);
}

function nothingsIn(message: Message, issues: readonly Issue[], base: readonly PropertyKey[]): PropertyKey[][] {
  return issues.flatMap(({ path, errors = [] }) => {
    const whole = [...base, ...path];
    return isNothing(message, whole) ? [whole] : errors.flatMap((option) => nothingsIn(message, option, whole));
  });
}

function isNothing(message: Message, path: readonly PropertyKey[]): boolean {
  const place = placeAt(message, path);
  // An undefined item stays in its list, because removing it would shift the others.
  return place?.value === null || (place !== undefined && place.value === undefined && typeof path.at(-1) !== 'number');
}

/** Returns a copy with one place reduced: undefined instead of null, or no field instead of undefined. */
function less<T>(value: T, [key, ...rest]: readonly PropertyKey[]): T {
  if (key === undefined) return undefined as T;
  if (Array.isArray(value)) {
    const items: unknown[] = value;
    return items.map((item, i) => (i === Number(key) ? less(item, rest) : item)) as T;
  }
  if (!isPlainObject(value)) return value;
  const { [String(key)]: inner, ...others } = value;
  const leftOut = rest.length === 0 && inner === undefined;
  return (leftOut ? others : { ...others, [String(key)]: less(inner, rest) }) as T;
}
