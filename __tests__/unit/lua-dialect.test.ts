// The in-process Redis has the part of Lua 5.1 that the scripts of the store use. fengari, with which it is compared, has Lua 5.3.
import { scripts } from '../../src/store/scripts.generated';
import { commands, scriptOf } from '../../src/testing/redis/in-process-redis';
import { openRedis } from '../in-process/redis';
import { knownFunctions } from '../../src/testing/redis/lua/library';

const keywords = new Set(
  'and break do else elseif end false for function if in local nil not or repeat return then true until while'.split(
    ' ',
  ),
);
/** The names that a script may use without declaring them. */
const given = new Set(['KEYS', 'ARGV', ...Object.keys(knownFunctions), ...(knownFunctions['G'] ?? [])]);
const texts = /'(?:[^'\\]|\\[\s\S])*'|"(?:[^"\\]|\\[\s\S])*"/g;

/** Returns the global names that a script uses, and the functions of libraries, that are not known. */
function unknownNames(lua: string): string[] {
  const code = lua.replace(/--.*$/gm, '').replace(texts, "''");
  const lists = [
    /\blocal\s+(?:function\s+)?([\w, ]+)/g,
    /\bfor\s+([\w, ]+?)\s*(?:=|\bin\b)/g,
    /\bfunction\b[^(]*\(([^)]*)\)/g,
  ];
  const declared = new Set(
    lists.flatMap((list) => [...code.matchAll(list)].flatMap(([, names = '']) => names.split(/[\s,]+/))),
  );
  // A name behind a dot is a field, and one in front of a single `=` in braces too.
  const used = [...code.matchAll(/(?<![\w.])([A-Za-z_]\w*)(?:\.(\w+))?/g)].filter(
    ([, name = '']) => !keywords.has(name),
  );
  const fields = new Set([...code.matchAll(/[{,]\s*([A-Za-z_]\w*)\s*=(?!=)/g)].map(([, name = '']) => name));
  return used.flatMap(([, name = '', member = '']) => {
    if (declared.has(name)) return [];
    if (!given.has(name)) return fields.has(name) ? [] : [name];
    const library = knownFunctions[name];
    return library && !library.includes(member ?? '') ? [`${name}.${member}`] : [];
  });
}

/** Returns the operators of a script that another version of Lua lacks or reads in another way. */
function foreignOperators(lua: string): string[] {
  const code = lua.replace(/--.*$/gm, '').replace(texts, "''");
  return [...code.matchAll(/\/\/|<<|>>|[&|!?]|~(?!=)|\bgoto\b|::/g)].map(([operator]) => operator);
}

describe.each(Object.entries(scripts))('the script %s', (_, { lua, keys }) => {
  test('uses only what Lua 5.1 and 5.3 have alike', () => {
    expect({ names: unknownNames(lua), operators: foreignOperators(lua) }).toEqual({ names: [], operators: [] });
  });

  test('calls only commands that the in-process Redis knows', () => {
    const called = [...lua.matchAll(/(?:redis\.p?call|write_all)\(\s*'(\w+)'/g)].map(([, name = '']) => name);
    expect(called.filter((name) => !Object.hasOwn(commands, name))).toEqual([]);
  });

  test('is accepted by the in-process Redis', () => {
    const names = Array.from({ length: keys }, (_, i) => `key-${i}`);
    const args = Array.from({ length: 10 }, () => '1');
    try {
      openRedis().runScript(scriptOf(lua), names, args);
    } catch (error) {
      // Its arguments are none that it expects.
      expect((error as Error).message).not.toMatch(/Error compiling|global variable|does not know/);
    }
  });
});

test.each([
  ['return string.pack("x")', 'string.pack'],
  ['return table.getn({})', 'table.getn'],
  ['return math.pow(2, 3)', 'math.pow'],
  ['return loadstring("x")', 'loadstring'],
  ['return utf8.char(1)', 'utf8'],
])('%s is found to be foreign', (lua, name) => {
  expect(unknownNames(lua)).toContain(name);
});

test.each(['return 7 // 2', 'return 1 << 2', 'return 1 & 2', 'return ~1', 'goto x'])(
  '%s is found to be foreign',
  (lua) => {
    expect(foreignOperators(lua)).not.toEqual([]);
  },
);

test.each([
  ["return '1764434000' * 1000 .. ''", '1764434000000'],
  ["return 10 / 2 .. ''", '5'],
  ["return tonumber('100000') * tonumber('86400000')", 8_640_000_000_000],
  ["return string.format('%.0f', '1764434000' * 1000000 + 123456)", '1764434000123456'],
  ["return string.format('%d', '1764434000' * 1000000 + 123456)", '1764434000123456'],
  ["return string.format('%d', -1.5)", '-1'],
])('%s is reckoned as in Lua 5.1', (lua, result) => {
  expect(openRedis().runScript(scriptOf(lua), [], [])).toBe(result);
});
