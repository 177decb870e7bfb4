import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { required, type Fixture } from './fixture';

const root = path.resolve(__dirname, '../..');
let built: string | undefined;

/** The built executable; building it takes some seconds, if its sources have changed. */
export function builtCli(): string {
  built ??= execFileSync(process.execPath, [path.join(root, 'scripts/build-cli.mjs')], { encoding: 'utf8' }).trim();
  return built;
}

export interface CliEnd {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Where the executable is to look, as environment variables; those of the test's own process are left out. */
export type CliEnv = Partial<
  Record<
    'REDIS_URL' | 'HATCHET_CLIENT_TOKEN' | 'HATCHET_CLIENT_NAMESPACE' | 'NO_COLOR' | 'MAGEFLOW_TEST_MODULES',
    string
  >
>;

/** Returns the variables with which the executable finds the Redis and the engine of a fixture. */
export function engineEnv({ hatchet }: Pick<Fixture, 'hatchet'>) {
  return {
    REDIS_URL: required('REDIS_URL'),
    HATCHET_CLIENT_TOKEN: required('HATCHET_CLIENT_TOKEN'),
    HATCHET_CLIENT_NAMESPACE: hatchet.config.namespace ?? '',
  };
}

export class CliProcess {
  stdout = '';
  stderr = '';
  private readonly exited: Promise<unknown>;

  constructor(readonly child: ChildProcess) {
    child.stdout?.setEncoding('utf8').on('data', (text: string) => (this.stdout += text));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.stderr += text));
    this.exited = once(child, 'close');
  }

  async end(): Promise<CliEnd> {
    await this.exited;
    return { code: this.child.exitCode, stdout: this.stdout, stderr: this.stderr };
  }
}

/** The variables that the executable inherits. The rest stays out: `CI` or `NO_COLOR`, say, changes what it writes. */
const INHERITED = /^(PATH|HOME|USER|SHELL|LANG|LC_\w+|TMPDIR|XDG_\w+)$/;

function environment(env: CliEnv): NodeJS.ProcessEnv {
  // The engine's addresses go with a token, because a command with a token connects to it.
  const inherited = Object.entries(process.env).filter(
    ([name]) => INHERITED.test(name) || (env.HATCHET_CLIENT_TOKEN && /^HATCHET_CLIENT_(TLS|HOST|API)/.test(name)),
  );
  return { ...Object.fromEntries(inherited), ...env };
}

/** Starts the executable, without a terminal. */
export function startCli(args: readonly string[], env: CliEnv, nodeArgs: readonly string[] = []): CliProcess {
  return new CliProcess(
    spawn(process.execPath, [...nodeArgs, builtCli(), ...args], { env: environment(env), stdio: 'pipe' }),
  );
}

/** Runs the executable to its end. @param input - what it reads from stdin */
export function runCli(args: readonly string[], env: CliEnv, input = ''): Promise<CliEnd> {
  const started = startCli(args, env);
  started.child.stdin?.on('error', () => undefined).end(input);
  return started.end();
}

/** Starts the executable in a terminal of 100 columns; what it writes to stdout and stderr arrives as stdout. */
export function startInTerminal(args: readonly string[], env: CliEnv): CliProcess {
  const quoted = [process.execPath, builtCli(), ...args].map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ');
  const command = `stty cols 100 rows 30; exec ${quoted}`;
  const child = spawn('script', ['-qefc', command, '/dev/null'], {
    env: { ...environment(env), TERM: 'xterm-256color' },
    stdio: 'pipe',
  });
  return new CliProcess(child);
}

/** Returns a text without the escape sequences of a terminal. */
export function plain(text: string): string {
  // eslint-disable-next-line no-control-regex -- these are what it removes
  return text.replaceAll(/\u001b\[[0-9;?]*[a-zA-Z]/g, '').replaceAll('\r', '');
}
