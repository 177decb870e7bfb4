/** Starts a stack, says so, and never stops it: for tests that end this process from outside. */
import { startStack } from '../../scripts/stack/stack';

async function main(): Promise<void> {
  const stack = await startStack();
  process.stdout.write(`${JSON.stringify({ env: stack.env, supervisorPid: stack.supervisorPid })}\n`);
  setInterval(() => undefined, 60_000);
}

void main();
