/** `npm run stack -- up|down|status|env`: a stack for this checkout that stays until `down`. */
import { withLock } from '../lock.mjs';
import { readState, removeState, STATE_LOCK, writeState, type CheckoutState } from './checkout-state';
import { errorMessage } from './errors';
import { identify, isAlive, signalProcess } from './identity';
import { readServices } from './instance';
import { startStack } from './stack';
import { poll } from './wait';

const DOWN_MS = 60_000;
const USAGE = `Usage: npm run stack -- COMMAND
  up      start an engine, Postgres and Redis that stay, and print their environment
  env     print the environment: eval "$(npm run --silent stack -- env)"
  status  say whether the stack is up, and where its processes and logs are
  down    stop it`;

function printExports({ env }: CheckoutState): void {
  for (const [name, value] of Object.entries(env))
    console.log(`export ${name}='${value.replaceAll("'", String.raw`'\''`)}'`);
}

/** Standard output is for `eval`. */
function say(line: string): void {
  console.error(`stack: ${line}`);
}

function requireState(): CheckoutState {
  const state = readState();
  if (state === undefined) throw new Error('The stack is not up. Start it with: npm run stack -- up');
  return state;
}

async function up(): Promise<void> {
  const running = readState();
  if (running !== undefined) {
    say(`already up (supervisor ${String(running.supervisor.pid)})`);
    printExports(running);
    return;
  }
  const stack = await startStack({ onProgress: say });
  const state = { supervisor: identify(stack.supervisorPid), env: stack.env, logs: stack.logs };
  writeState(state);
  await stack.release();
  say('up');
  printExports(state);
}

async function down(): Promise<void> {
  const state = readState();
  if (state === undefined) {
    say('not up');
  } else {
    signalProcess(state.supervisor.pid, 'SIGTERM');
    const gone = await poll(() => !isAlive(state.supervisor), { timeoutMs: DOWN_MS });
    if (gone === undefined)
      throw new Error(
        `The supervisor (${String(state.supervisor.pid)}) has not ended after ${String(DOWN_MS / 1000)} s. Logs: ${state.logs.join(' ')}`,
      );
    say('down');
  }
  removeState();
}

function status(): void {
  const state = readState();
  if (state === undefined) {
    console.log('down');
    process.exitCode = 1;
    return;
  }
  console.log(`up, supervisor ${String(state.supervisor.pid)}`);
  for (const service of readServices(state.env['MAGEFLOW_STACK_DIR'] ?? '')) {
    console.log(`  ${service.name}: ${isAlive(service) ? `running, pid ${String(service.pid)}` : 'ended'}`);
  }
  for (const log of state.logs) console.log(`  log: ${log}`);
}

async function main(): Promise<void> {
  const [command, ...rest] = process.argv.slice(2);
  if (command === 'up' && rest.length === 0) await withLock(STATE_LOCK, up);
  else if (command === 'down' && rest.length === 0) await withLock(STATE_LOCK, down);
  else if (command === 'status' && rest.length === 0) status();
  else if (command === 'env' && rest.length === 0) printExports(requireState());
  else if (command === 'help' || command === '--help') console.log(USAGE);
  else throw new Error(`Expected one command, got: ${[command, ...rest].join(' ') || 'none'}\n${USAGE}`);
}

main().catch((error: unknown) => {
  say(errorMessage(error));
  process.exitCode = 1;
});
