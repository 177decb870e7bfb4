import type { Command } from 'commander';
import { newCommand } from './command';
import { UsageError } from './errors';
import { toStdout } from './output';

/** One command with what can follow it. */
interface Completed {
  name: string;
  description: string;
  options: { flag: string; description: string; choices: readonly string[] }[];
}

/** `mageflow completion`: a script that is made from the commands, without ids. */
export function completionCommand(program: Command): Command {
  const command = newCommand(
    'completion',
    'Print a script that completes commands and options in a shell',
    'completion bash >> ~/.bashrc',
  )
    .argument('<shell>', 'bash, zsh or fish')
    .action(async (shell: string) => {
      const commands = program.commands.map(completed);
      if (shell === 'bash') return toStdout(bash(commands));
      if (shell === 'zsh') return toStdout(`autoload -U +X bashcompinit && bashcompinit\n${bash(commands)}`);
      if (shell === 'fish') return toStdout(fish(commands));
      throw new UsageError(`completion: expected bash, zsh or fish, got "${shell}".`);
    });
  return command;
}

function completed(command: Command): Completed {
  return {
    name: command.name(),
    description: command.description(),
    options: [
      ...command.options.map(({ long, description, argChoices }) => ({
        flag: long ?? '',
        description,
        choices: argChoices ?? [],
      })),
      { flag: '--help', description: 'help', choices: [] },
    ],
  };
}

function bash(commands: readonly Completed[]): string {
  const names = commands.map(({ name }) => name).join(' ');
  const flags = commands.map(
    ({ name, options }) => `    ${name}) words="${options.map(({ flag }) => flag).join(' ')}" ;;`,
  );
  const choices = new Map(
    commands.flatMap(({ name, options }) =>
      options
        .filter((one) => one.choices.length > 0)
        .map((one) => [`${name} ${one.flag}`, one.choices.join(' ')] as const),
    ),
  );
  const values = [...choices].map(([at, words]) => `    "${at}") words="${words}" ;;`);
  return `_mageflow() {
  local word="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD-1]}" words=""
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${names} help" -- "$word"))
    return
  fi
  [ "$before" = "-o" ] && before="--output"
  case "\${COMP_WORDS[1]} $before" in
${values.join('\n')}
  esac
  if [ -n "$words" ]; then
    COMPREPLY=($(compgen -W "$words" -- "$word"))
    return
  fi
  case "\${COMP_WORDS[1]}" in
${flags.join('\n')}
  esac
  if [[ "$word" == -* ]]; then COMPREPLY=($(compgen -W "$words" -- "$word")); else COMPREPLY=($(compgen -f -- "$word")); fi
}
complete -F _mageflow mageflow`;
}

function fish(commands: readonly Completed[]): string {
  const quoted = (text: string) => `'${text.replaceAll(/['\\]/g, '\\$&')}'`;
  const lines = commands.flatMap(({ name, description, options }) => [
    `complete -c mageflow -n __fish_use_subcommand -a ${name} -d ${quoted(description)}`,
    ...options.map(
      ({ flag, description: about, choices }) =>
        `complete -c mageflow -n '__fish_seen_subcommand_from ${name}' -l ${flag.slice(2)} -d ${quoted(about)}${choices.length > 0 ? ` -x -a ${quoted(choices.join(' '))}` : ''}`,
    ),
  ]);
  return lines.join('\n');
}
