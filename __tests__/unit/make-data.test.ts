import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { makeData } from '../../examples/make-data';
import { dataFolder } from '../../examples/parallel-files/run-batch';

const maxBytes = 400 * 1024;

function contentOf(folder: string): Map<string, string> {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.csv'));
  return new Map(names.sort().map((name) => [name, readFileSync(path.join(folder, name), 'utf8')]));
}

describe('the example data', () => {
  let folder: string;
  const committed = contentOf(dataFolder);

  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'mageflow-data-'));
    makeData(folder);
  });
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  test('is what its script makes, byte by byte', () => {
    const made = contentOf(folder);
    expect([...made.keys()]).toEqual([...committed.keys()]);
    const different = [...made].filter(([name, text]) => committed.get(name) !== text).map(([name]) => name);
    expect(different).toEqual([]);
  });

  test('is enough to be a real batch, and small enough for a repository', () => {
    const good = [...committed].filter(([name]) => path.dirname(name) === '.');
    expect(good.length).toBeGreaterThanOrEqual(24);
    expect(good.flatMap(([, text]) => text.trimEnd().split('\n').slice(1)).length).toBeGreaterThan(3_000);
    expect([...committed.values()].join('').length).toBeLessThan(maxBytes);
  });

  test('has rows of each kind of damage', () => {
    const rows = [...committed.values()].join('');
    expect(rows).toMatch(/,some,\d+\.\d\d\n/);
    expect(rows).toMatch(/,-\d+\.\d\d\n/);
    expect(rows).toMatch(/,\d{4}-\d\d-\d\d,[^,\n]+,\d\n/);
  });
});
