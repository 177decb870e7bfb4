/** What is known of a value before a script runs: its type, or that it is one of those that count as true. */
export type Kind = 'number' | 'string' | 'boolean' | 'true' | undefined;

const several = Symbol('several values');

/** The results of the functions of the library that are always of one type, and those that are not always one value. */
const results: Readonly<Record<string, Kind | typeof several>> = {
  'G.pcall': several,
  'G.unpack': several,
  'G.select': several,
  'G.next': several,
  'G.assert': several,
  'G.pairs': several,
  'G.ipairs': several,
  'G.tostring': 'string',
  'G.type': 'string',
  'string.byte': several,
  'string.find': several,
  'string.gsub': several,
  'string.match': several,
  'string.char': 'string',
  'string.format': 'string',
  'string.len': 'number',
  'string.lower': 'string',
  'string.rep': 'string',
  'string.reverse': 'string',
  'string.sub': 'string',
  'string.upper': 'string',
  'table.concat': 'string',
  'math.abs': 'number',
  'math.ceil': 'number',
  'math.floor': 'number',
  'math.max': 'number',
  'math.min': 'number',
  'redis.sha1hex': 'string',
  'cjson.encode': 'string',
  'struct.pack': 'string',
  'struct.unpack': several,
};

/** Returns whether a function of the library may return another number of values than one, and the type of what it returns. */
export function resultOf(name: string): { isSeveral: boolean; kind: Kind } {
  const result = results[name];
  return result === several ? { isSeveral: true, kind: undefined } : { isSeveral: false, kind: result };
}
