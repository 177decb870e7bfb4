/** Runs a command with a stack of its own: `tsx scripts/with-stack.ts -- COMMAND ARGS…`. */
import { runInForeground } from './child';
import { errorMessage } from './stack/errors';
import { withStack } from './stack/with-stack';

async function main(): Promise<void> {
  const args = process.argv.slice(2);
  const [command, ...rest] = args[0] === '--' ? args.slice(1) : args;
  if (command === undefined) throw new Error('Expected a command. Usage: tsx scripts/with-stack.ts -- COMMAND ARGS…');
  process.exitCode = await withStack((env) => runInForeground(command, rest, { env: { ...process.env, ...env } }));
}

main().catch((error: unknown) => {
  console.error(`with-stack: ${errorMessage(error)}`);
  process.exitCode = 1;
});
