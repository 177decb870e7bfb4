// Puts the Lua scripts of src/store/lua into a generated module, so that nothing is read at run time and the
// published package holds no file that a bundler could lose. Each function is in it once, and the scripts are put
// together at import. The module also holds the stored names of all fields, which src/store/schema.json defines.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const KEBAB = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/;
const INCLUDE = /^\s*---\s*@include\b/;
const INCLUDE_NAME = /^\s*---\s*@include\s+"([^"]+)"\s*$/;
const FUNCTION = /^local function (\w+)/;
const USED = /^\s*---\s*@used\s*$/;
/**
 * The key of a table constructor; a literal, which stays as it is; a name of a field; or a value with that name in a table of
 * group.lua or in a record of an active entry.
 */
const FIELD_NAME =
  /(?<![\w\])])\[(field|act)\.(\w+)\] =|'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|(?<![\w.])(field|spec_field|callback_field|group|changed|given|act)\.(\w+)/g;
/** The part of the schema that has the names after each word. */
const NAMES_AFTER = {
  field: 'group',
  group: 'group',
  changed: 'group',
  given: 'group',
  spec_field: 'specs',
  callback_field: 'callbacks',
  act: 'active',
};

class ScriptError extends Error {}

const shown = (file) => path.relative(process.cwd(), file) || file;

function fail(file, line, message) {
  throw new ScriptError(`${shown(file)}${line === undefined ? '' : `:${line}`}: ${message}`);
}

function luaFiles(folder) {
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.lua'))
    .map((entry) => entry.name.slice(0, -'.lua'.length));
  for (const name of names) {
    if (!KEBAB.test(name)) {
      fail(path.join(folder, `${name}.lua`), undefined, `expected a kebab-case file name, got "${name}": rename it`);
    }
  }
  // Not the locale's order: the output must be the same on every machine.
  return names.sort((a, b) => (a < b ? -1 : 1));
}

function readLines(file) {
  return readFileSync(file, 'utf8').split(/\r?\n/);
}

function headerOf(lines) {
  const end = lines.findIndex((line) => !line.startsWith('--') || INCLUDE.test(line));
  return lines.slice(0, end === -1 ? lines.length : end);
}

function expectHeader(file, lines, parts) {
  let from = 0;
  const header = headerOf(lines);
  return parts.map(({ pattern, form }) => {
    const at = header.findIndex((line, index) => index >= from && pattern.test(line));
    if (at === -1) {
      fail(
        file,
        undefined,
        `expected the line "${form}" in the comment at the top${from > 0 ? ` after line ${from}` : ''}, found none. ` +
          `The header is, in this order: ${parts.map((part) => `"${part.form}"`).join(', ')}`,
      );
    }
    from = at + 1;
    return pattern.exec(header[at]);
  });
}

function purpose(name) {
  return { pattern: new RegExp(`^-- ${name}: \\S`), form: `-- ${name}: <purpose>` };
}

/** Returns for each hash the stored name of each of its fields; of fields with an index, the part before the index. */
function readFields(file) {
  const fields = {};
  for (const hash of ['group', 'specs', 'callbacks', 'active']) {
    const rows = Object.entries(JSON.parse(readFileSync(file, 'utf8'))[hash] ?? {});
    fields[hash] = Object.fromEntries(rows.map(([name, { stored }]) => [name, stored.replace(/<.*/, '')]));
  }
  return fields;
}

/**
 * Replaces the names of fields by the stored names: `field.status` by `'st'`, `group.status` by `group.st`, and `act.run` by `act[2]`,
 * since a record is an array: Lua makes, reads and joins it faster than a table with names.
 */
function withStoredNames(text, file, at, fields) {
  const storedName = (word, name) => {
    const hash = NAMES_AFTER[word];
    if (Object.hasOwn(fields[hash], name)) return fields[hash][name];
    return fail(
      file,
      at,
      `expected a field of "${hash}" in src/store/schema.json, got ${word}.${name}: add it there or fix the name`,
    );
  };
  for (const [all, name] of text
    .replace(/'(?:[^'\\]|\\.)*'/g, "''")
    .matchAll(/(?<!\b(?:act|field|group|changed|given))\.(\w+)/g)) {
    if (!Object.hasOwn(fields.active, name)) continue;
    fail(
      file,
      at,
      `expected a record of an active entry in a variable "act", got ${all} in ${text}: rename the variable`,
    );
  }
  return text.replace(FIELD_NAME, (all, keyWord, key, word, name) => {
    // The values of a new record stand in the order of its fields: expand() checks it.
    if (keyWord === 'act') return `[${storedName('act', key)}] =`;
    if (key !== undefined) return `${storedName('field', key)} =`;
    if (word === undefined) return all;
    const stored = storedName(word, name);
    if (word === 'act') return `act[${stored}]`;
    return word.endsWith('field') ? `'${stored}'` : `${word}.${stored}`;
  });
}

/** Leaves the keys of a new record out, which makes it an array. It must have all fields of the schema, in their order. */
function inOrder(text, before, file, at, { active }) {
  const [key, number] = /^\[(\d+)\] = /.exec(text) ?? [];
  const last = before?.number ?? 0;
  const expected = last > 0 && last < Object.keys(active).length ? last + 1 : key && 1;
  if (key && Number(number) === expected) return { text: text.slice(key.length), number: expected };
  if (!expected) return { text };
  return fail(
    file,
    at,
    `expected field ${expected} of "active" in src/store/schema.json, got ${text}: a new record has all fields in their order`,
  );
}

// Returns the code's lines without comments, indentation and blank lines, each with the function at the top level that it belongs to.
function expand(file, lines, context) {
  const code = [];
  let within;
  let ofUsed = false;
  for (const [index, line] of lines.entries()) {
    const at = index + 1;
    const text = line.trim();
    if (USED.test(line)) {
      ofUsed = true;
      continue;
    }
    if (INCLUDE.test(line)) {
      const name = INCLUDE_NAME.exec(line)?.[1];
      if (name === undefined) fail(file, at, `expected --- @include "name", got ${text}`);
      code.push(...include(name, file, at, context));
      continue;
    }
    if (/^--\[=*\[/.test(text) || (!text.startsWith('--') && /--\[=*\[|\[=*\[/.test(text))) {
      fail(file, at, `expected no long string and no block comment, got ${text}: use quotes or "--" on each line`);
    }
    if (text === '' || text.startsWith('--')) continue;
    if (text.endsWith('\\')) {
      fail(file, at, 'expected no string that goes on in the next line, whose indentation would be lost: use "\\n"');
    }
    const begun = FUNCTION.exec(line)?.[1];
    within = begun ?? within;
    const { fields } = context;
    const stored = inOrder(withStoredNames(text, file, at, fields), code.at(-1), file, at, fields);
    // A list after "--- @used" becomes one line.
    const open = code.at(-1);
    if (open?.ofUsed && !open.text.endsWith('}')) open.text += ` ${stored.text}`;
    else code.push({ ...stored, within, ofUsed, file });
    ofUsed = false;
    if (line === 'end' || (begun && line.endsWith(' end'))) within = undefined;
  }
  return code;
}

function include(name, file, at, context) {
  const target = path.join(context.includes, `${name}.lua`);
  if (context.open.includes(name)) {
    fail(file, at, `expected includes without a cycle, got ${[...context.open, name].join(' -> ')}: break it`);
  }
  if (context.done.has(name)) return [];
  if (!KEBAB.test(name) || !existsSync(target)) {
    fail(file, at, `expected the include "${name}" in ${shown(target)}, found no such file: create it or fix the name`);
  }
  const lines = readLines(target);
  expectHeader(target, lines, [purpose(name)]);
  context.open.push(name);
  const code = expand(target, lines, context);
  context.open.pop();
  context.done.add(name);
  return code;
}

// Redis creates each function of a script in each call: what a script doesn't use is left out of it.
function withoutUnused(code) {
  const used = new Set();
  const follow = (owner) => {
    for (const { text, within } of code) {
      if (within !== owner) continue;
      for (const [word] of text.matchAll(/\w+/g)) {
        if (word === owner || used.has(word) || !code.some((line) => line.within === word)) continue;
        used.add(word);
        follow(word);
      }
    }
  };
  follow(undefined);
  return code.filter(({ within }) => within === undefined || used.has(within));
}

// Each field that a script asks for costs: a list after "--- @used" keeps only the names that the rest of the script mentions.
function withUsedNames(code) {
  return code.map((line) => {
    if (!line.ofUsed) return line;
    const rest = code.flatMap(({ text }, i) => (code[i] === line ? [] : [text])).join('\n');
    const text = line.text.replace(/'(\w+)', /g, (all, name) => (new RegExp(`[.']${name}\\b`).test(rest) ? all : ''));
    return { ...line, text };
  });
}

/** A script that reads a field which the list of group.lua leaves out would read nil. */
function expectListed(file, code, fields) {
  const list = code.find(({ ofUsed }) => ofUsed)?.text;
  if (list === undefined) return;
  const texts = code.map(({ text }) => text);
  // The header of a reply reads the deadline only when the script has changed it.
  const { deadline } = fields.group;
  for (const text of texts) {
    for (const [, name] of text.matchAll(/\bgroup\.(\w+)/g)) {
      if (name === deadline || list.includes(`'${name}'`) || texts.some((line) => line.includes(`put('${name}',`)))
        continue;
      fail(
        file,
        undefined,
        `expected each field that it reads in "names" of lib/group.lua, got group.${name}: add it there`,
      );
    }
  }
}

function assemble(folder, name, fields) {
  const file = path.join(folder, 'commands', `${name}.lua`);
  const lines = readLines(file);
  const [, keysLine] = expectHeader(file, lines, [
    purpose(name),
    { pattern: /^-- KEYS: (\d+)(?!\S)/, form: '-- KEYS: <number>' },
    { pattern: /^-- ARGV\b/, form: '-- ARGV ...' },
    { pattern: /^-- Returns\b/, form: '-- Returns ...' },
  ]);
  const keys = Number(keysLine[1]);
  const code = expand(file, lines, { includes: path.join(folder, 'lib'), open: [], done: new Set(), fields });
  const used = withoutUnused(code);
  expectListed(file, used, fields);
  const pieces = piecesOf(withUsedNames(used));
  const lua = pieces.join('\n');
  for (const [, key] of lua.matchAll(/\bKEYS\[(\d+)\]/g)) {
    if (Number(key) > keys) {
      fail(file, undefined, `expected at most KEYS[${keys}] as its header says, got KEYS[${key}]: correct one of them`);
    }
  }
  return { pieces, keys };
}

/** Divides a script into its functions, and what stands between them in one file: scripts share most of these. */
function piecesOf(code) {
  const pieces = [];
  let last;
  for (const line of code) {
    const goesOn = last && last.within === line.within && last.file === line.file && !last.ofUsed && !line.ofUsed;
    if (goesOn) pieces[pieces.length - 1] += `\n${line.text}`;
    else pieces.push(line.text);
    last = line;
  }
  return pieces;
}

const camelCase = (name) => name.replace(/-(.)/g, (_, letter) => letter.toUpperCase());

// A template literal keeps one line of Lua on one line of the module, so that a change can be reviewed there.
const templateLiteral = (text) => `\`${text.replace(/[\\`]|\$(?=\{)/g, '\\$&')}\``;

/** The stored names of the fields of one hash, for TypeScript. */
function stored(word, fields) {
  const hash = NAMES_AFTER[word];
  const name = camelCase(word.replace('_', '-'));
  return `\n/** The stored names of the fields of "${hash}" in schema.json. */\nexport const ${name} = ${JSON.stringify(fields[hash], undefined, 2)} as const;\n`;
}

function generate(folder, fields) {
  const names = luaFiles(path.join(folder, 'commands'));
  luaFiles(path.join(folder, 'lib'));
  if (names.length === 0) fail(folder, undefined, 'expected at least one *.lua file, found none');
  const parts = new Map();
  const numberOf = (piece) => {
    if (!parts.has(piece)) parts.set(piece, parts.size);
    return parts.get(piece);
  };
  const entries = names.map((name) => {
    const { pieces, keys } = assemble(folder, name, fields);
    return `  ${camelCase(name)}: { keys: ${keys}, lua: script(${pieces.map(numberOf).join(', ')}) },\n`;
  });
  const texts = [...parts.keys()].map((piece, number) => `  // ${number}\n  ${templateLiteral(piece)},\n`);
  return (
    '// Generated by `npm run scripts:embed` from src/store/lua and src/store/schema.json. Do not edit.\n\n' +
    `const parts: readonly string[] = [\n${texts.join('')}];\n\n` +
    `const script = (...numbers: number[]) => numbers.map((number) => parts[number]).join('\\n');\n\n` +
    `export const scripts = {\n${entries.join('')}} as const;\n` +
    ['field', 'spec_field', 'callback_field'].map((word) => stored(word, fields)).join('')
  );
}

function main() {
  const { values } = parseArgs({
    options: {
      scripts: { type: 'string', default: path.join(root, 'src/store/lua') },
      schema: { type: 'string', default: path.join(root, 'src/store/schema.json') },
      out: { type: 'string', default: path.join(root, 'src/store/scripts.generated.ts') },
    },
  });
  const text = generate(values.scripts, readFields(values.schema));
  const current = existsSync(values.out) ? readFileSync(values.out, 'utf8').replaceAll('\r\n', '\n') : undefined;
  // Untouched when nothing changed, so that watchers stay quiet.
  if (current !== text) writeFileSync(values.out, text);
}

try {
  main();
} catch (error) {
  if (!(error instanceof ScriptError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
