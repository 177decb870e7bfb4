import type { Command } from 'commander';
import { close, resume, whoTellsTheEngine, type AloneAction } from '../actions';
import { inBulk, isOneOf, type BulkAction, type BulkOptions } from '../bulk';
import { newCommand, outputOption } from '../command';
import { hasToken, openControlling, openMage } from '../connection';
import { toStderr } from '../output';
import { withFilters } from './list';

type Action = Omit<BulkAction, 'act'>;

function bulkCommand(name: string, description: string, example: string): Command {
  return withFilters(newCommand(name, description, example).argument('[id...]', 'ids; or choose by the filters'))
    .option('--yes', 'do not ask')
    .option('--dry-run', 'print the ids, and change nothing')
    .addOption(outputOption());
}

/** Makes a command for which Redis alone is enough. With a token the engine learns of it at once. */
function aloneCommand(name: AloneAction, about: { description: string; example: string }, action: Action): Command {
  return bulkCommand(name, about.description, about.example).action((ids: string[], options: BulkOptions) =>
    inBulk(ids, options, async () => {
      if (hasToken(options)) {
        const mage = await openMage(options, name);
        return { ...action, act: async (id) => (await mage.load(id))[name](), close: () => mage.close() };
      }
      const control = await openControlling(options);
      if (name !== 'remove') toStderr(await whoTellsTheEngine(control));
      return { ...action, act: (id) => control[name](id), close: () => control.close() };
    }),
  );
}

/** `mageflow suspend` */
export function suspendCommand(): Command {
  const about = { description: 'Hold groups: nothing new starts, what runs goes on', example: 'suspend --tag nightly' };
  return aloneCommand('suspend', about, {
    verb: 'suspend',
    past: 'suspended',
    applies: isOneOf('pending', 'queued', 'running'),
  });
}

/** `mageflow cancel` */
export function cancelCommand(): Command {
  const about = {
    description: 'Cancel groups: waiting items never start, running ones are stopped',
    example: 'cancel --name import --status suspended',
  };
  return aloneCommand('cancel', about, {
    verb: 'cancel',
    past: 'cancelled',
    applies: isOneOf('pending', 'queued', 'running', 'suspended'),
  });
}

/** `mageflow remove` */
export function removeCommand(): Command {
  const about = {
    description: 'Delete groups that have ended or never ran, with all they hold',
    example: 'remove --status failed --tag test --dry-run',
  };
  return aloneCommand('remove', about, {
    verb: 'remove',
    past: 'removed',
    applies: isOneOf('pending', 'succeeded', 'failed', 'cancelled'),
  });
}

/** `mageflow resume` */
export function resumeCommand(): Command {
  return bulkCommand('resume', 'Let suspended groups go on', 'resume 4kTc9QmZ2aXb.1').action(
    (ids: string[], options: BulkOptions) =>
      inBulk(ids, options, async () => {
        const mage = await openMage(options, 'resume');
        const act = (id: string) => resume(mage, id);
        return { verb: 'resume', past: 'resumed', applies: isOneOf('suspended'), act, close: () => mage.close() };
      }),
  );
}

/** `mageflow close` */
export function closeCommand(): Command {
  return bulkCommand(
    'close',
    'Close swarms: they take no more items, and end when all have',
    'close 4kTc9QmZ2aXb.1',
  ).action((ids: string[], options: BulkOptions) =>
    inBulk(ids, options, async () => {
      const mage = await openMage(options, 'close');
      const act = (id: string) => close(mage, id);
      const isOpen = isOneOf('pending', 'queued', 'running', 'suspended');
      const applies: BulkAction['applies'] = (item) => item.kind === 'swarm' && isOpen(item);
      return { verb: 'close', past: 'closed', applies, act, close: () => mage.close() };
    }),
  );
}
