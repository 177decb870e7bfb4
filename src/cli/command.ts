import { Command, Option } from 'commander';

/** Makes a command with the options that all have. @param example - a line without the name of the program */
export function newCommand(name: string, description: string, example: string): Command {
  return new Command(name)
    .description(description)
    .option('--redis <url>', 'address of Redis (default: REDIS_URL)')
    .option('--tenant <id>', 'tenant (default: that of HATCHET_CLIENT_TOKEN)')
    .option('--namespace <name>', 'namespace (default: HATCHET_CLIENT_NAMESPACE)')
    .option('--key-prefix <prefix>', 'first part of the keys in Redis (default: mageflow)')
    .option('--debug', 'stacks of errors, and what the library logs')
    .addHelpText('after', `\nExample:\n  $ mageflow ${example}`);
}

/** The option that says how data are printed. */
export function outputOption(fallback: 'table' | 'jsonl' = 'table'): Option {
  return new Option('-o, --output <format>', 'how data are printed')
    .choices(['table', 'json', 'jsonl'])
    .default(fallback);
}
