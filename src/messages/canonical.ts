/** Returns the JSON text with the keys of all objects in order, so that equal values have equal texts. */
export function canonical(json: string): string {
  const value: unknown = JSON.parse(json);
  const ordered = inOrder(value);
  // Most texts are in order already and are returned unchanged.
  return ordered === value ? json : JSON.stringify(ordered);
}

/** Returns the value itself, unless some of its keys must be reordered. */
function inOrder(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) {
    const items = value.map(inOrder);
    return items.some((item, i) => item !== value[i]) ? items : value;
  }
  const keys = Object.keys(value);
  const values = value as Record<string, unknown>;
  let same = true;
  const entries = keys.map((key, i): [string, unknown] => {
    const ordered = inOrder(values[key]);
    same &&= ordered === values[key] && (i === 0 || (keys[i - 1] as string) < key);
    return [key, ordered];
  });
  if (same) return value;
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}
