import { Command, CommanderError } from 'commander';
import { version } from '../../package.json';
import { addCommand } from './commands/add';
import { cancelCommand, closeCommand, removeCommand, resumeCommand, suspendCommand } from './commands/control';
import { doctorCommand } from './commands/doctor';
import { explainCommand } from './commands/explain';
import { failuresCommand } from './commands/failures';
import { listCommand } from './commands/list';
import { mcpCommand } from './commands/mcp';
import { resultsCommand } from './commands/results';
import { retryCommand } from './commands/retry';
import { runCommand } from './commands/run';
import { showCommand } from './commands/show';
import { statsCommand } from './commands/stats';
import { updateCommand } from './commands/update';
import { viewerCommand } from './commands/viewer';
import { watchCommand } from './commands/watch';
import { completionCommand } from './completion';
import type { ConnectionOptions } from './connection';
import { toStderr } from './output';

const about = `What mageflow's groups of tasks do, and what to do with them.

Reading needs Redis alone (REDIS_URL) and the tenant (HATCHET_CLIENT_TOKEN or --tenant). Commands that start work need the token.
Exit codes: 0 done; 1 no (failed, not found, not all done); 2 wrong usage.`;

/** Makes the tree of commands. What a command needs beyond commander is loaded when it runs. */
export function makeProgram(): Command {
  const program = new Command('mageflow')
    .description(about)
    .version(version)
    .helpCommand(true)
    .showSuggestionAfterError()
    .addHelpText('after', '\nExample:\n  $ mageflow list --status running');
  for (const command of [
    listCommand(),
    showCommand(),
    watchCommand(),
    resultsCommand(),
    failuresCommand(),
    explainCommand(),
    suspendCommand(),
    resumeCommand(),
    cancelCommand(),
    closeCommand(),
    removeCommand(),
    retryCommand(),
    updateCommand(),
    runCommand(),
    addCommand(),
    doctorCommand(),
    statsCommand(),
    mcpCommand(version),
    viewerCommand(),
  ])
    program.addCommand(command);
  program.addCommand(completionCommand(program));
  for (const command of [program, ...program.commands]) command.exitOverride();
  return program;
}

/** Runs a command line, and returns the exit code. */
export async function run(argv: readonly string[]): Promise<number> {
  const program = makeProgram();
  let options: ConnectionOptions = {};
  program.hook('preAction', (_program, command) => {
    options = command.opts();
  });
  try {
    await program.parseAsync(argv);
    return 0;
  } catch (error) {
    // Commander has printed help, the version, or what was wrong.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    const { exitCodeOf, lineOf } = await import('./exit');
    toStderr(`mageflow: ${lineOf(error, options.redis ?? process.env['REDIS_URL'])}`);
    if (options.debug && error instanceof Error) toStderr(error.stack ?? '');
    return exitCodeOf(error);
  }
}
