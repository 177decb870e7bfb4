import { isPlainObject, type Message } from './json';

/**
 * Merges messages deeply from left to right; later values win. Objects are merged; arrays, null and all other values are
 * replaced. The parts are parsed JSON, and none is changed.
 */
export function mergeMessages(...parts: readonly (Message | undefined)[]): Message {
  const given = parts.filter((part) => part !== undefined);
  const first = given[0];
  if (given.length === 1 && first) return first;
  return given.reduce<Message>(mergeTwo, {});
}

function mergeTwo(left: Message, right: Message): Message {
  const merged: Message = { ...left };
  for (const [key, value] of Object.entries(right)) {
    // encodeJson refuses this key, but stored data could be forged: assigning it would set the prototype.
    if (key === '__proto__') continue;
    const before = Object.hasOwn(merged, key) ? merged[key] : undefined;
    merged[key] = isPlainObject(before) && isPlainObject(value) ? mergeTwo(before, value) : value;
  }
  return merged;
}
