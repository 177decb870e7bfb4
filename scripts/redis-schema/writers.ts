/** Reads which Lua files write a field from the files themselves, so that the page can't be wrong for long. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { changeableFields, configFields } from '../../src/config/swarm-config';
import { CHECKOUT } from '../stack/paths';

const LUA = path.join(CHECKOUT, 'src/store/lua');
const WRITES =
  /\b(?:put|add|keep)\(|\[(?:field|callback_field|spec_field)\.\w+\] =|'(?:HSET|HSETNX|HINCRBY|HDEL)'|write_all\(/;
/** A list of fields and values, which is written with one command. */
const LISTED = { line: /\bfields\[#fields/, file: /write_all\('HSET', \w+, fields\)/ };

export interface Writers {
  /** The files that write a field; none for one without a fixed name, such as the spec of an item. */
  of(word: 'field' | 'callback_field' | 'spec_field', name: string): string;
}

export function readWriters(): Writers {
  const files = readdirSync(LUA, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.lua'));
  const writing = files.sort().map((file) => {
    const text = readFileSync(path.join(LUA, file), 'utf8');
    const isListing = LISTED.file.test(text);
    const lines = text.split('\n').filter((line) => WRITES.test(line) || (isListing && LISTED.line.test(line)));
    return { name: path.basename(file, '.lua'), text: lines.join('\n') };
  });
  const made = new Set<string>([...fieldsOfCreation(), ...configFields]);
  const changed = new Set<string>(changeableFields);
  return {
    of(word, name) {
      const use = new RegExp(`(?<![\\w.])${word}\\.${name}\\b`);
      const found = writing.filter(({ text }) => use.test(text)).map((file) => file.name);
      // These scripts get a list of fields and values, without their names.
      const lists =
        word === 'field' ? [...(made.has(name) ? ['create'] : []), ...(changed.has(name) ? ['update'] : [])] : [];
      return [...new Set([...lists, ...found])].join(', ');
    },
  };
}

/** The fields that a group has from its creation. */
function fieldsOfCreation(): string[] {
  const text = readFileSync(path.join(CHECKOUT, 'src/store/group-store.ts'), 'utf8');
  const [, body = ''] = /^function fieldsOf\([\s\S]*?\{\n([\s\S]*?)^\}/m.exec(text) ?? [];
  const others = text.split('\n').filter((line) => line.includes('fields.push('));
  const names = [...[body, ...others].join('\n').matchAll(/\bfield\.(\w+)/g)].map(([, name = '']) => name);
  if (names.length < 10)
    throw new Error(`Expected the fields of a new group in fieldsOf of group-store.ts, got ${names.length}.`);
  return names;
}
