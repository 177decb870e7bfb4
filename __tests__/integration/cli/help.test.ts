import { execFileSync } from 'node:child_process';
import { makeProgram } from '../../../src/cli/program';
import { runCli } from '../../helpers/cli';

const names = makeProgram().commands.map((command) => command.name());

test('the help names each command', async () => {
  const { code, stdout } = await runCli(['--help'], {});
  expect(code).toBe(0);
  for (const name of names) expect(stdout).toContain(`\n  ${name} `);
  for (const text of ['Exit codes', 'REDIS_URL', 'Example:\n  $ mageflow ']) expect(stdout).toContain(text);
});

test.each(names)('the help of %s has an example that uses it', async (name) => {
  const { code, stdout } = await runCli([name, '--help'], {});
  expect(code).toBe(0);
  expect(stdout).toContain(`Usage: mageflow ${name} `);
  expect(stdout).toContain(`Example:\n  $ mageflow ${name} `);
});

test('without a command it prints its help, and it knows its version', async () => {
  expect(await runCli([], {})).toMatchObject({
    code: 2,
    stdout: '',
    stderr: expect.stringContaining('Usage: mageflow'),
  });
  expect(await runCli(['--version'], {})).toEqual({ code: 0, stdout: '0.1.0\n', stderr: '' });
});

test('the completion of bash offers commands, options and choices', async () => {
  const { code, stdout } = await runCli(['completion', 'bash'], {});
  expect(code).toBe(0);
  const complete = (words: string[]): string[] => {
    const ask = `${stdout}\nCOMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}; _mageflow; echo "\${COMPREPLY[*]}"`;
    return execFileSync('bash', ['-c', ask], { encoding: 'utf8' }).trim().split(' ');
  };
  expect(complete(['mageflow', 're'])).toEqual(['results', 'resume', 'remove', 'retry']);
  expect(complete(['mageflow', 'list', '--st'])).toEqual(['--status']);
  expect(complete(['mageflow', 'list', '--status', 's'])).toEqual(['suspended', 'succeeded']);
  for (const shell of ['zsh', 'fish']) expect((await runCli(['completion', shell], {})).stdout).toContain('mageflow');
  expect((await runCli(['completion', 'csh'], {})).code).toBe(2);
});
