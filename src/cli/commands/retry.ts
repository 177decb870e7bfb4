import type { Command } from 'commander';
import type { RetryFailedOptions } from '../../api/types';
import { retryFailed } from '../actions';
import { indexesOf } from '../bulk';
import { newCommand, outputOption } from '../command';
import { withMage, type ConnectionOptions } from '../connection';
import { UsageError } from '../errors';
import { formatOf, printValue, toStdout, type OutputOptions } from '../output';
import { counted, objectOf } from '../words';

interface Options extends ConnectionOptions, OutputOptions {
  index?: string[];
  name?: string;
  error?: string;
  message?: string;
}

/** `mageflow retry` */
export function retryCommand(): Command {
  return newCommand(
    'retry',
    'Run again the items that failed, were cancelled or never started',
    "retry 4kTc9QmZ2aXb.1 --error 'timed out|ECONNRESET'",
  )
    .argument('<id>', 'id of a swarm, chain or root that has ended')
    .option('--index <n...>', 'only items with these indexes: 3 or 10-20')
    .option('--name <name>', 'only items with exactly this name')
    .option('--error <regexp>', 'only items whose error matches')
    .option('--message <json>', 'merged over the message of each item that runs again')
    .addOption(outputOption())
    .action(async (id: string, options: Options) => {
      const format = formatOf(options);
      const filter = filterOf(options);
      await withMage(options, 'retry', async (mage) => {
        const retried = await retryFailed(mage, id, filter);
        if (format !== 'table') return await printValue({ id, retried }, format);
        await toStdout(
          retried === 0
            ? 'Nothing to run again.'
            : `${counted(retried, 'item')} run${retried === 1 ? 's' : ''} again. Follow it: mageflow watch ${id}`,
        );
      });
    });
}

function filterOf({ index, name, error, message }: Options): RetryFailedOptions {
  return {
    ...(index === undefined ? {} : { indexes: indexesOf(index) }),
    ...(name === undefined ? {} : { name }),
    ...(error === undefined ? {} : { error: expressionOf(error) }),
    ...(message === undefined ? {} : { message: objectOf('--message', message) }),
  };
}

function expressionOf(text: string): RegExp {
  try {
    return new RegExp(text);
  } catch (error) {
    throw new UsageError(`--error: expected a regular expression, but ${(error as Error).message}.`);
  }
}
