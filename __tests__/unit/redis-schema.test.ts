// The table of what Redis holds is complete, and docs/redis-schema.md is made from it.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { pageStart } from '../../scripts/redis-schema';
import { callbackFields, groupFields, groupKeys, sharedKeys } from '../../src/store/schema';
import { storedFields } from '../../src/config/swarm-config';
import { Keys } from '../../src/store/keys';

const root = path.resolve(__dirname, '../..');
const folder = path.join(root, 'src/store/lua');
const lines = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.lua'))
  .flatMap((file) => readFileSync(path.join(folder, file), 'utf8').split('\n'))
  .filter((line) => !line.trimStart().startsWith('--'));

/** What is matched by the group of a pattern, in all scripts. */
const found = (pattern: RegExp, text = lines.join('\n')) => [...text.matchAll(pattern)].map((match) => match[1] ?? '');

/** The fields of a hash that commands of the scripts name, by its letter there. */
function namedIn(hash: string): string[] {
  const calls = found(
    new RegExp(`redis\\.call\\('H(?:SET|GET|MGET|DEL|EXISTS|INCRBY|SETNX)', ${hash}, ([^\\n]*)`, 'g'),
  );
  // Of a condition between two fields, both are named.
  return calls.flatMap((call) => found(/(?:^|, |and |or )'([a-z]+:?)'/g, call.split(')')[0]));
}

/** Not fields: values that stand where a field could. */
const values = new Set(['pending', 'failures']);

test('each field of a group that a script names is in the table, and each of the table is named', () => {
  const list = found(/^local names = \{ (.*) \}/gm)[0] ?? '';
  const named = [
    ...found(/'([a-z]+)'/g, list),
    ...namedIn('G'),
    ...found(/\b(?:put|add)\('([a-z]+)'/g),
    // What a group is made with, or adds for a user, comes from here.
    ...found(/'([a-z]+)',? /g, readFileSync(path.join(root, 'src/store/group-store.ts'), 'utf8')).filter((name) =>
      ['k', 'n', 'ce', 'opt', 'ropt', 'ik', 'ctx', 'hd', 'msg', 'tmo', 'pn'].includes(name),
    ),
    ...storedFields,
    ...found(/fields\.push\('([a-z]+)'/g, readFileSync(path.join(root, 'src/store/group-store.ts'), 'utf8')),
  ].filter((name) => !values.has(name));
  const table = groupFields.map(({ field }) => field);
  expect([...new Set(named)].sort()).toEqual([...table].sort());
});

test('each field of the callbacks that a script names is in the table, and each of the table is named', () => {
  const table = callbackFields.map(({ field }) => field.replace(/<.*/, ''));
  const named = namedIn('C');
  expect(named.filter((name) => !table.includes(name))).toEqual([]);
  // The callbacks themselves have their entries as names.
  const unnamed = table.filter((field) => field !== 'c' && !lines.some((line) => line.includes(`'${field}'`)));
  expect(unnamed).toEqual([]);
});

test('each key that the code makes is in the table', () => {
  const keys = new Keys('prefix', 'tenant', 'namespace');
  const own = keys.group('id').map((key) => key.slice(keys.base.length + 1));
  expect(own).toEqual(groupKeys.map(({ key }) => key.split(',')[0]));
  const shared = [
    ...keys.dueIndexes().slice(0, 1),
    keys.catalog(),
    keys.locations('chunk'),
    keys.process('id'),
    keys.served(),
    keys.server(),
    keys.endsHeardBy('process'),
  ].map((key) => key.slice(keys.base.length + 1).split(':')[0]);
  expect(shared).toEqual(sharedKeys.map(({ key }) => key.split(':')[0]));
});

/** Without what the formatter adds to tables. */
const plain = (text: string) => text.replace(/[ -]+/g, ' ');

test('docs/redis-schema.md is what `npm run docs:schema` makes of the table', () => {
  const page = readFileSync(path.join(root, 'docs/redis-schema.md'), 'utf8');
  expect(plain(page).startsWith(plain(pageStart()))).toBe(true);
});
