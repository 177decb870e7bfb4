import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const folder = join(__dirname, '../../../src/store/lua');
const files = ['commands', 'lib'].flatMap((sub) =>
  readdirSync(join(folder, sub))
    .filter((name) => name.endsWith('.lua'))
    .map((name) => join(sub, name)),
);

// Redis Cluster routes a script by its KEYS: a key that a script makes up itself may live on another node.
test.each(files)('%s touches no key but those it is given in KEYS', (file) => {
  const lua = readFileSync(join(folder, file), 'utf8')
    .replace(/--.*$/gm, '')
    // What these are given as keys is looked at where they are called.
    .replace(/^local function (?:write_all|persist|let_expire)\([\s\S]*?^end/gm, '');
  const calls = [...lua.matchAll(/(?:redis\.p?call|write_all)\(\s*'(\w+)'\s*(?:,\s*([^,)]+))?/g)];
  // A channel is no key: a subscriber receives what is published on any node.
  const keyed = calls.filter(([, command]) => command !== 'TIME' && command !== 'PUBLISH');
  const keys = keyed.map(([, command, key]) => [command, key?.trim()]);
  const given = /^(?:[GSBQALCERT]|KEYS\[(?:\d|i)\])$/;
  expect(keys.filter(([, key]) => !given.test(key ?? ''))).toEqual([]);
  expect([...lua.matchAll(/(?:redis\.p?call|write_all)\(/g)].length).toBe(calls.length);
  const lists = [...lua.matchAll(/\b(?:persist|let_expire)\((\w+\(\)|\{[^}]*\})/g)].map(([, list]) => list ?? '');
  const named = [...lua.matchAll(/function (?:all_keys|keys_of_pending)\(\)([\s\S]*?)^end/gm)].map(
    ([, body]) => body ?? '',
  );
  const letters = [...lists, ...named].flatMap((text) =>
    [...text.matchAll(/\{([^}]*)\}/g)].map(([, inside]) => inside ?? ''),
  );
  expect(letters.filter((text) => !/^ (?:[GSBQALCERT], )*[GSBQALCERT] $/.test(text))).toEqual([]);
  expect(lists.filter((list) => !/^(?:all_keys\(\)|keys_of_pending\(\)|\{.*)$/.test(list))).toEqual([]);
  expect([...lua.matchAll(/\b(?:persist|let_expire)\(/g)].length).toBe(lists.length);
});

test('the short names of keys are set once, from KEYS', () => {
  const assignments = files.flatMap((file) => {
    const lua = readFileSync(join(folder, file), 'utf8').replace(/--.*$/gm, '');
    return lua.split('\n').filter((line) => /(?:^|[\s,])[GSBQALCERT]\s*(?:,\s*[A-Z]\s*)*=[^=]/.test(line));
  });
  expect(assignments).toHaveLength(1);
  expect(assignments[0]).toMatch(/^local G, S, .* = KEYS\[1\], KEYS\[2\]/);
});
