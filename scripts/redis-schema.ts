/** `npm run docs:schema`: writes docs/redis-schema.md from src/store/schema.ts, with the life of a small swarm on a real Redis. */
import path from 'node:path';
import { markdownTable, writeMarkdown } from './markdown';
import { liveExample, type Step } from './redis-schema/example';
import { readWriters } from './redis-schema/writers';
import { errorMessage } from './stack/errors';
import { CHECKOUT } from './stack/paths';
import { withRedis } from './with-redis';
import {
  activeFields,
  callbackFields,
  groupFields,
  groupKeys,
  sharedKeys,
  specFields,
  type Field,
  type KeySchema,
} from '../src/store/schema';

const code = (text: string): string => `\`${text}\``;

const keyTable = (keys: readonly KeySchema[]): string[] =>
  markdownTable(
    ['key', 'name', 'type', 'what it holds', 'expires'],
    keys.map(({ key, name, type, meaning, lifetime }) => [code(key), name, type, meaning, lifetime]),
  );

const fieldTable = (fields: readonly Field[]): string[] =>
  markdownTable(
    ['field', 'name', 'meaning'],
    fields.map(({ field, name, meaning }) => [code(field), name, meaning]),
  );

const writers = readWriters();
const writtenTable = (fields: readonly Field[], word: 'field' | 'spec_field' | 'callback_field'): string[] =>
  markdownTable(
    ['field', 'name', 'meaning', 'written in'],
    fields.map(({ field, name, meaning }) => [code(field), name, meaning, writers.of(word, name)]),
  );

function stepText({ title, written }: Step): string[] {
  return ['', `**${title}**`, '', '```text', ...written, '```'];
}

const sections: [heading: string, table: string[]][] = [
  ['The keys of a group', keyTable(groupKeys)],
  ['The keys that groups share', keyTable(sharedKeys)],
  ['The state of a group', writtenTable(groupFields, 'field')],
  ['The specs of its items', writtenTable(specFields, 'spec_field')],
  ['Its callbacks, and facts of single items', writtenTable(callbackFields, 'callback_field')],
  ['The record of an active item', fieldTable(activeFields)],
];

/** The page without the example, which needs a Redis. */
export function pageStart(): string {
  const blocks = [
    '# What Redis holds',
    '<!-- Written by `npm run docs:schema` from src/store/schema.ts. -->',
    'All keys begin with `<keyPrefix>:<tenant>:<namespace>:`. The keys of one group have its id in braces, so that they live in one slot of a Redis Cluster and one script can change all of them. All times are those of Redis.',
    'This is no public interface: read it with `mage.describe`, `mage.list` and `progress()`. The page is for people who look into a Redis, or change mageflow.',
    'The last column of a table names the files in `src/store/lua` that write the field.',
    ...sections.flatMap(([heading, table]) => [`## ${heading}`, table.join('\n')]),
  ];
  return blocks.join('\n\n');
}

async function main(): Promise<void> {
  await withRedis(async (url) => {
    const steps = await liveExample(url);
    const example = [
      '',
      '## The life of a swarm of three items',
      '',
      'It has `maxConcurrency: 2` and one success callback. Each step shows what changed: `+` is written, `-` is deleted.',
      ...steps.flatMap(stepText),
      '',
    ];
    await writeMarkdown(path.join(CHECKOUT, 'docs/redis-schema.md'), [pageStart(), ...example].join('\n'));
  });
}

if (require.main === module) {
  main().catch((error: unknown) => {
    console.error(`redis-schema: ${errorMessage(error)}`);
    process.exitCode = 1;
  });
}
