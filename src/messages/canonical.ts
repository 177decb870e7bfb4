/**
 * The text of a JSON value with the keys of all its objects in order, so that equal values are equal texts, in whatever order
 * somebody has written them.
 */
export function canonical(json: string): string {
  const value: unknown = JSON.parse(json);
  const ordered = inOrder(value);
  // As most are written in order, most are what they were.
  return ordered === value ? json : JSON.stringify(ordered);
}

/** The value itself, unless keys somewhere in it are to be put into order. */
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
