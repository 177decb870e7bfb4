import { isPlainObject, type Message } from './json';
import { placeAt, type Issue } from './zod-parts';

/**
 * A message whose results hold undefined where its schema refused the null that stands for it in JSON, and no field at all where
 * it refused undefined: an optional field takes what a body returned as nothing, a nullable one takes null.
 * @param issues - what the schema refused
 * @param fields - in which of the message's fields results arrive
 * @returns undefined when none of the issues is of such a place
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
  // What is undefined in a list stays there: an item can't be left out.
  return place?.value === null || (place !== undefined && place.value === undefined && typeof path.at(-1) !== 'number');
}

/** A copy with less in one place: undefined instead of null, no field instead of undefined. */
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
