// The schema of what Redis holds is complete, and docs/redis-schema.md is made from it. `npm run scripts:embed` fails when a
// script uses a name that the schema does not have.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { unpackActive } from '../../src/store/active-record';
import { pageStart } from '../../scripts/redis-schema';
import {
  activeFields,
  callbackFields,
  groupFields,
  groupKeys,
  sharedKeys,
  specFields,
  type Field,
} from '../../src/store/schema';
import { configFields } from '../../src/config/swarm-config';
import { Keys } from '../../src/store/keys';

const root = path.resolve(__dirname, '../..');
const folder = path.join(root, 'src/store/lua');
const lines = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.lua'))
  .flatMap((file) => readFileSync(path.join(folder, file), 'utf8').split('\n'))
  .filter((line) => !line.trimStart().startsWith('--'));

/** What is matched by the group of a pattern, in all scripts. */
const found = (pattern: RegExp, text = lines.join('\n')) => [...text.matchAll(pattern)].map((match) => match[1] ?? '');

/** The literals that stand where a command of the scripts names a field of the hash with a letter. */
function literalsIn(hash: string): string[] {
  const calls = found(new RegExp(`(?:redis\\.call|write_all)\\('H[A-Z]+', ${hash}, ([^\\n]*)`, 'g'));
  return calls.flatMap((call) => found(/(?:^|, |and |or )'([a-z]+:?)'/g, call.split(')')[0]));
}

/** Values that stand where a field could stand. */
const values = ['pending', 'failures', 'left'];

const typescript = readdirSync(path.join(root, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts') && !file.endsWith('.generated.ts'))
  .map((file) => readFileSync(path.join(root, 'src', file), 'utf8'))
  .join('\n');

/** The fields that neither a script nor TypeScript uses, by the word that stands before their names. */
function unused(fields: readonly Field[], words: string): string[] {
  const used = new Set([...found(new RegExp(`\\b(?:${words})\\.(\\w+)`, 'g')), ...configFields]);
  for (const name of found(/\b(?:field|specField|callbackField)\.(\w+)/g, typescript)) used.add(name);
  return fields.flatMap(({ field, name }) => (used.has(name) || typescript.includes(`'${field}'`) ? [] : [name]));
}

test.each(['G', 'S', 'C', 'KEYS\\[1\\]', 'KEYS\\[2\\]'])('no script names a field of %s by a literal', (hash) => {
  // The key of note-server is no group.
  const ofServer = ['run', 'at', 'noticed'];
  expect(literalsIn(hash).filter((name) => ![...values, ...ofServer].includes(name))).toEqual([]);
});

test('no script changes a field of a group by a literal', () => {
  expect(found(/\b(?:put|add)\('(\w*)'/g)).toEqual([]);
});

test('each field of the schema is used', () => {
  expect(unused(groupFields, 'field|group|changed|given')).toEqual([]);
  // A callback has its entry as its name, and a spec its index.
  expect(unused(callbackFields, 'callback_field')).toEqual(['callback']);
  expect(unused(specFields, 'spec_field')).toEqual(['spec']);
});

test('the record of an active item has the fields of the schema, in their order', () => {
  // `npm run scripts:embed` fails when the scripts make a record with other fields or in another order.
  expect(found(/^ *\[act\.(\w+)\] =/gm)).toEqual(activeFields.map(({ name }) => name));
  expect(found(/^local packing = fields\((\d+)\)/gm)).toEqual([String(activeFields.length)]);
  expect(activeFields.map(({ field }) => field)).toEqual(activeFields.map((_, i) => String(i + 1)));
  const { publications, isCancelled, startedAt, attempts, ...texts } = unpackActive(
    activeFields.map(({ name }) => name).join('|'),
  );
  for (const [name, value] of Object.entries(texts)) expect(value).toBe(name);
  expect([publications, isCancelled, startedAt, attempts]).toEqual([NaN, false, NaN, NaN]);
  const numbered = activeFields.map(({ name }, i) => (name === 'cancel' ? '1' : String(i))).join('|');
  const numbers = { publications: 8, isCancelled: true, startedAt: 12, attempts: 13 };
  expect(unpackActive(numbered)).toMatchObject(numbers);
});

test('no two fields of a hash have the same stored name', () => {
  for (const fields of [groupFields, specFields, callbackFields]) {
    // Of a field with an index, the part before it.
    const stored = fields.map(({ field }) => field.replace(/<.*/, ''));
    expect(stored).toEqual([...new Set(stored)]);
  }
});

test('each key that the code makes is in the table', () => {
  const keys = new Keys('prefix', 'tenant', 'namespace');
  const own = keys.group('id').map((key) => key.slice(keys.base.length + 1));
  expect(own).toEqual(groupKeys.map(({ key }) => key.split(',')[0]));
  const shared = [
    keys.meta(),
    ...keys.dueIndexes().slice(0, 1),
    keys.topLevelIndex(),
    keys.signatureIndex('chunk'),
    keys.process('id'),
    keys.served(),
    keys.reconcilers(),
    keys.server(),
    keys.endChannelOf('process'),
  ].map((key) => key.slice(keys.base.length + 1).split(':')[0]);
  expect(shared).toEqual(sharedKeys.map(({ key }) => key.split(':')[0]));
});

/** Without what the formatter adds to tables. */
const plain = (text: string) => text.replace(/[ -]+/g, ' ');

test('docs/redis-schema.md is what `npm run docs:schema` makes of the table', () => {
  const page = readFileSync(path.join(root, 'docs/redis-schema.md'), 'utf8');
  expect(plain(page).startsWith(plain(pageStart()))).toBe(true);
});
