// docs/states.md is the picture of the transition tables in the scripts, and these are the only place where a state is written.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { edgesIn, luaFiles, tableIn } from '../helpers/lua';

const page = readFileSync(path.resolve(__dirname, '../../docs/states.md'), 'utf8');

function section(title: string): string {
  const [, text = ''] = new RegExp(`^## ${title}\\n([\\s\\S]*?)(?=^## |$(?![\\s\\S]))`, 'm').exec(page) ?? [];
  return text;
}

/** The edges of a section's diagram, as 'from to'; from the start mark as from `start`. */
function drawn(title: string, start: string): string[] {
  const [, diagram = ''] = /```mermaid\nstateDiagram-v2\n([\s\S]*?)```/.exec(section(title)) ?? [];
  return diagram
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const [, from, to] = /^ {4}(\[\*\]|\w+) --> (\w+): \S.*$/.exec(line) ?? [];
      if (!from || !to) throw new Error(`docs/states.md: expected "    from --> to: why", got ${JSON.stringify(line)}`);
      return `${from === '[*]' ? start : from} ${to}`;
    });
}

function explained(title: string): string[] {
  return [...section(title).matchAll(/^\| `(\w+)` +\|/gm)].map(([, state = '']) => state);
}

const ofItems = edgesIn('states.lua', 'moves');
const ofGroups = edgesIn('group.lua', 'group_moves');
const scripts = Object.entries(luaFiles());

/** All lines of the scripts that fit, with the file in which they stand. */
function lines(pattern: RegExp): string[] {
  return scripts.flatMap(([file, text]) =>
    text
      .split('\n')
      .filter((line) => pattern.test(line))
      .map((line) => `${file}: ${line.trim()}`),
  );
}

/** The body of a function in an include. */
function body(file: string, name: string): string {
  const [, text = ''] =
    new RegExp(`^local function ${name}\\([^\\n]*\\n([\\s\\S]*?)^end`, 'm').exec(luaFiles()[file] ?? '') ?? [];
  return text;
}

describe('docs/states.md', () => {
  test('the parser finds the transitions of items and groups in the scripts', () => {
    expect(ofItems.length).toBeGreaterThan(30);
    expect(ofGroups.length).toBeGreaterThan(12);
    expect(ofItems).toContain('published running');
    expect(ofGroups).toContain('stopping failed');
    expect(new Set(ofItems).size).toBe(ofItems.length);
  });

  test('draws the moves of an item that the scripts allow, and no others', () => {
    expect(drawn('An item', 'new').sort()).toEqual([...ofItems].sort());
  });

  test('draws the moves of a group that the scripts allow, and no others', () => {
    expect(drawn('A group', 'new').sort()).toEqual([...ofGroups, 'new pending'].sort());
  });

  test.each([
    ['An item', ofItems],
    ['A group', ofGroups],
  ])('explains each state: %s', (title, edges) => {
    const states = new Set(edges.flatMap((edge) => edge.split(' ')));
    states.delete('new');
    expect(explained(title).sort()).toEqual([...states].sort());
  });
});

describe("a group's status", () => {
  test('is written by move_to alone, and when the group is made', () => {
    expect(lines(/put\(field\.status|group\.status =[^=]|HSET', G, field\.status/)).toEqual([
      expect.stringMatching(/^lib\/creation\.lua: redis\.call\('HSET', G, field\.status, 'pending', /),
      'lib/group.lua: put(field.status, status)',
    ]);
    expect(body('lib/group.lua', 'move_to')).toMatch(
      /group_moves\[group\.status\][\s\S]*error\([\s\S]*put\(field\.status, status\)/,
    );
  });

  test('is moved along edges that the table has', () => {
    const targets = lines(/move_to\('\w+'\)/).map((line) => /move_to\('(\w+)'\)/.exec(line)?.[1] ?? '');
    expect(targets.length).toBeGreaterThan(4);
    for (const target of targets) expect(ofGroups.some((edge) => edge.endsWith(` ${target}`))).toBe(true);
  });
});

describe("an entry's state", () => {
  test('is written by the functions that ask the table first', () => {
    expect(lines(/^\s*(\w+\.)?state(, [\w., ]+)? = |\[act\.state\] = /)).toEqual([
      'lib/states.lua: act.state = to',
      'lib/states.lua: [act.state] = to,',
    ]);
    expect(body('lib/states.lua', 'activate')).toContain('[act.state] = to,');
    expect(lines(/'HSET', A,/)).toEqual([`lib/entries.lua: write_all('HSET', A, packed)`]);
    expect(lines(/'SETRANGE', B/)).toEqual([
      `lib/entries.lua: redis.call('SETRANGE', B, indexes[first], table.concat(row))`,
      `lib/states.lua: redis.call('SETRANGE', B, first, row)`,
    ]);
    expect(lines(/marked\[[^\]]*\] = /)).toEqual(['lib/states.lua: marked[tonumber(entry)] = byte']);
    expect(body('lib/states.lua', 'become')).toMatch(/check_move\(entry, act\.state, to\)\n\s*act\.state = to/);
    expect(body('lib/states.lua', 'activate')).toMatch(/^\s*check_move\(entry, from, to\)\n\s*write_active/);
    expect(body('lib/states.lua', 'mark')).toMatch(/check_move\(entry, from, to\)[\s\S]*marked\[/);
    expect(body('lib/states.lua', 'mark_row')).toMatch(/check_move\(first, from, to\)[\s\S]*SETRANGE/);
    expect(body('lib/states.lua', 'check_move')).toMatch(/if not is_allowed\(from, to\) then error\(/);
  });

  test('has a name that is no part of another one, as they are looked for in lists', () => {
    const states = [...new Set(ofItems.flatMap((edge) => edge.split(' ')))];
    const parts = states.filter((state) => states.some((other) => other !== state && other.includes(state)));
    expect(parts).toEqual([]);
  });

  test('is asked for once where it is kept twice: what is active, and an end', () => {
    const unasked = lines(/\bmark\([^,]+, [^,]+\)/).filter((line) => !line.includes('local function'));
    expect(unasked.sort()).toEqual(
      [
        // Granted in the line before.
        `lib/slots.lua: mark(index, 'a')`,
        // Queued before and after: passed over, and put back.
        `lib/slots.lua: mark(index, 'h')`,
        // What end_entry has asked for.
        'lib/ends.lua: mark(entry, marks[to])',
        `lib/readiness.lua: mark(index, 'q')`,
        // Active again in the line before.
        `commands/reopen.lua: mark(entry, 'a')`,
      ].sort(),
    );
    expect(body('lib/ends.lua', 'end_entry')).toMatch(
      /check_move\(entry, state_of\(entry, act\), to\)[\s\S]*store_end\(/,
    );
    expect(lines(/store_end\(/).length).toBe(2);
  });

  test('is one that may be tried again wherever a retry makes items ready', () => {
    const [line = ''] = lines(/gsub\(block/);
    const [, pattern = ''] = /'\[(\w+)\]', 'q'/.exec(line) ?? [];
    const bytes = tableIn('states.lua', 'bytes');
    expect(pattern).toHaveLength(3);
    const states = [...pattern].map((byte) => bytes[byte]).filter((state) => state !== 'queued');
    expect(states.sort()).toEqual(
      ofItems
        .filter((edge) => edge.endsWith(' queued'))
        .map((edge) => edge.split(' ')[0] ?? '')
        .filter((state) => ['succeeded', 'failed', 'cancelled'].includes(state))
        .sort(),
    );
  });
});
