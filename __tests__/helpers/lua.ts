import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

const folder = path.resolve(__dirname, '../../src/store/lua');

/** All Lua files, by their path below the folder of the scripts, without their comments. */
export function luaFiles(): Record<string, string> {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.lua'));
  return Object.fromEntries(
    names.map((name) => [name, readFileSync(path.join(folder, name), 'utf8').replace(/^\s*--.*$/gm, '')]),
  );
}

/** The rows of a table of texts in an include. */
export function tableIn(include: string, table: string): Record<string, string> {
  const lua = luaFiles()[`lib/${include}`] ?? '';
  const [, rows = ''] = new RegExp(`^local ${table} = \\{([^}]*)\\}`, 'm').exec(lua) ?? [];
  return Object.fromEntries([...rows.matchAll(/(\w+) = '([^']*)'/g)].map(([, from = '', to = '']) => [from, to]));
}

/** What may follow what, as 'from to', of a transition table in an include. */
export function edgesIn(include: string, table: string): string[] {
  return Object.entries(tableIn(include, table)).flatMap(([from, to]) =>
    to.split(' ').map((next) => `${from} ${next}`),
  );
}
