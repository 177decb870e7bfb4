import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { eventually } from '../helpers/fixture';

// What the scripts start ends with them.
const runner = path.join(__dirname, '../../scripts/child.ts');
const forEver = 'setInterval(() => undefined, 60_000)';
/** A command that starts a process, which ignores signals, says its id, and goes on until it is ended. */
const command = `
  const { spawn } = require('node:child_process');
  const child = spawn(process.execPath, ['-e', ${JSON.stringify(`process.on('SIGTERM', () => undefined); console.log(process.pid); ${forEver}`)}]);
  child.stdout.pipe(process.stdout);
  ${forEver};
`;

function runScript(options: object): ChildProcess {
  const script = `
    const { runInForeground } = require(${JSON.stringify(runner)});
    runInForeground(process.execPath, ['-e', process.env.COMMAND], { env: process.env, ...JSON.parse(process.env.OPTIONS) })
      .then((code) => process.exit(code));
  `;
  return spawn(process.execPath, ['--require', 'tsx/cjs', '-e', script], {
    env: { ...process.env, COMMAND: command, OPTIONS: JSON.stringify(options) },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

test('a command that is ended takes with it what it has started', async () => {
  const script = runScript({ wholeGroup: true });
  let output = '';
  script.stdout?.on('data', (data: Buffer) => (output += data.toString()));
  const pid = await eventually('the process has started', () => Number(output));
  expect(isAlive(pid)).toBe(true);
  script.kill('SIGTERM');
  const [code] = (await once(script, 'exit')) as [number];
  expect(code).toBe(143);
  await eventually('what it had started is gone', () => !isAlive(pid));
});
