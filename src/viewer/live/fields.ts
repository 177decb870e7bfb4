/** The state of something that pages look at, as JSON texts by field. */
export type Fields = ReadonlyMap<string, string>;

/** Makes the texts. A field without a value is left out. */
export function fieldsOf(value: object): Fields {
  return new Map(
    Object.entries(value).flatMap(([name, field]) => (field === undefined ? [] : [[name, JSON.stringify(field)]])),
  );
}

/** Returns the whole as JSON. */
export function snapshotOf(fields: Fields): string {
  return `{${pairs(fields)}}`;
}

/** Returns what has changed since `before`, as the JSON of a `ChangeView`; undefined when nothing has. */
export function changeBetween(before: Fields, after: Fields): string | undefined {
  const set = new Map([...after].filter(([name, text]) => before.get(name) !== text));
  const unset = [...before.keys()].filter((name) => !after.has(name));
  if (set.size === 0 && unset.length === 0) return undefined;
  return `{"set":{${pairs(set)}},"unset":${JSON.stringify(unset)}}`;
}

function pairs(fields: Fields): string {
  return [...fields].map(([name, text]) => `${JSON.stringify(name)}:${text}`).join(',');
}
