// Each example as its readers run it: a process of its own, on the engine and the Redis of the tests.
import { spawn } from 'node:child_process';
import path from 'node:path';
import { examples } from '../../scripts/examples/examples';

const checkout = path.resolve(__dirname, '../..');
/** Longer than what the example gives itself, so that it says what it waits for. */
const timeoutMs = 660_000;

interface Ended {
  code: number | null;
  out: string;
  errors: string;
}

function runExample(...args: string[]): Promise<Ended> {
  // What `npm run example` runs, without a wrapper that might hide a process that doesn't end.
  const command = ['--require', require.resolve('tsx/cjs'), path.join(checkout, 'scripts/example.ts'), ...args];
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, command, { cwd: checkout, stdio: ['ignore', 'pipe', 'pipe'] });
    const ended: Ended = { code: null, out: '', errors: '' };
    child.stdout.on('data', (data: Buffer) => (ended.out += data.toString()));
    child.stderr.on('data', (data: Buffer) => (ended.errors += data.toString()));
    child.once('error', reject);
    child.once('close', (code) => resolve({ ...ended, code }));
  });
}

/** What the committed data give; the script that makes them has a fixed seed. */
const printed: Record<string, RegExp[]> = {
  'parallel-files': [/results of 24 files/, /in total │ +4546 │ +482,542\.61 │ +111 │/],
  'dynamic-queue': [
    /^210 orders: 25 at the start/m,
    /206 invoices, and 4 refused orders/,
    /Berlin │ 3,343\.27 │/,
    /Zadar +│ 6,086\.91 │/,
  ],
  'error-tolerance': [
    /^Stopping at 50 failures: 972 payments went through, 28 were refused/m,
    /^Stopping at 10 failures: \d+ payments went through before the limit was reached, \d+ were never started/m,
    /alert tells of \d\d failures, the first of them payment \d+: the check digits of [A-Z]{2}\d+ are wrong/,
  ],
  'query-batch': [/gave 147 rows. The callback got the outputs of 147 children/, /Oslo +│ +27 │ 13,242\.55 │/],
  agent: [/planned 5 steps/, /shop revenue │ +Oslo │ +75,602\.63 │/, /best product │ +Kettle │/, /2026-05-04 │/],
  'agent-with-approval': [
    /north │ +approved │ +2 │ +1 │ +\d │/,
    /south │ +rejected │ +2 │ +1 │ +\d │/,
    /west +│ +nobody answered │ +1 │ +1 │ +\d │/,
    /Berlin │ +Strainer │ +20 │/,
    /Oslo +│ +Strainer │ +10 │/,
  ],
  'http-service': [
    /^Two requests with one key were answered with 201 and 200/m,
    /gave 7 totals and 1 failure: ENOENT/,
    /^The large import that was cancelled is cancelled/m,
  ],
  'rate-limited-api': [
    /^At 280 calls in 10 s, where the API allows 300: 200 prices in [\d.]+ s, and the API answered 429 0 times/m,
    /^At 80 calls in a second, where it allows 40: 200 prices in [\d.]+ s, and the API answered 429 [1-9]\d* times/m,
  ],
  'fan-out': [/^12 texts, 26681 words, 2627 different ones/m, /the +│ +1642 │/, /alice +│ +386 │/],
};

describe('npm run example', () => {
  test.each(examples.map(({ name }) => name))(
    'runs %s to its right result and ends',
    async (name) => {
      const { code, out, errors } = await runExample(name);
      expect({ code, errors }).toEqual({ code: 0, errors: '' });
      for (const pattern of printed[name] ?? [/without this the example has no test/]) expect(out).toMatch(pattern);
      expect(out.trimEnd().split('\n').at(-1)).toMatch(/^Checked against a plain computation without mageflow/);
    },
    timeoutMs,
  );

  test('lists the names when none is given', async () => {
    const { code, out } = await runExample();
    expect(code).toBe(0);
    for (const { name, shows } of examples) expect(out).toContain(`${name.padEnd(19)}  ${shows}\n`);
  });

  test('fails with the list for a name that it does not know', async () => {
    const { code, out, errors } = await runExample('fan-in');
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(errors).toMatch(/no example named 'fan-in'/);
    for (const { name } of examples) expect(errors).toContain(`  ${name} `);
  });
});
