import { Option, type Command } from 'commander';
import type { SwarmConfig } from '../../config/swarm-config';
import { update } from '../actions';
import { newCommand, outputOption } from '../command';
import { withMage, type ConnectionOptions } from '../connection';
import { UsageError } from '../errors';
import { formatOf, printValue, toStdout, type OutputOptions } from '../output';
import { durationOf, numberOf } from '../words';

interface Options extends ConnectionOptions, OutputOptions {
  maxConcurrency?: string;
  rateLimit?: string;
  stopAfterFailures?: string;
  stopAfterFailureRatio?: string;
  onStop?: 'finish' | 'cancel';
  timeout?: string;
  maxItems?: string;
  closeAfterIdle?: string;
}

/** `mageflow update` */
export function updateCommand(): Command {
  return newCommand(
    'update',
    'Change the limits of a swarm while it runs',
    'update 4kTc9QmZ2aXb.1 --max-concurrency 50 --rate-limit 300/60s',
  )
    .argument('<id>', 'id of a swarm')
    .option('--max-concurrency <n>', 'how many items run at once')
    .option('--rate-limit <rate>', 'how many start in a time: 300/60s, or 300/60s:10 with a burst of 10; none')
    .option('--stop-after-failures <n>', 'stop at so many failures; none')
    .option('--stop-after-failure-ratio <x>', 'stop when this fraction has failed, 0 to 1; none')
    .addOption(new Option('--on-stop <how>', 'what becomes of running items then').choices(['finish', 'cancel']))
    .option('--timeout <time>', 'time limit for the whole swarm: 30m; none')
    .option('--max-items <n>', 'close the swarm at so many items; none')
    .option('--close-after-idle <time>', 'close the swarm when nothing happens for so long: 10m; none')
    .addOption(outputOption())
    .action(async (id: string, options: Options) => {
      const format = formatOf(options);
      const change = changeOf(options);
      if (Object.keys(change).length === 0)
        throw new UsageError('Nothing to change. mageflow update --help lists what can be.');
      await withMage(options, 'update', async (mage) => {
        const config = await update(mage, id, change);
        if (format !== 'table') return await printValue({ id, config }, format);
        for (const [field, value] of Object.entries(config))
          await toStdout(`${field.padEnd(22)} ${value === null ? 'none' : JSON.stringify(value)}`);
      });
    });
}

function changeOf(options: Options): SwarmConfig {
  const change: SwarmConfig = {};
  const {
    maxConcurrency,
    rateLimit,
    stopAfterFailures,
    stopAfterFailureRatio,
    onStop,
    timeout,
    maxItems,
    closeAfterIdle,
  } = options;
  const set = <F extends keyof SwarmConfig>(
    field: F,
    text: string | undefined,
    read: (text: string) => SwarmConfig[F],
  ) => {
    if (text !== undefined) change[field] = text === 'none' ? (null as SwarmConfig[F]) : read(text);
  };
  set('maxConcurrency', maxConcurrency, (text) => numberOf('--max-concurrency', text));
  set('rateLimit', rateLimit, rateOf);
  set('stopAfterNFailures', stopAfterFailures, (text) => numberOf('--stop-after-failures', text));
  set('stopAfterFailureRatio', stopAfterFailureRatio, Number);
  set('onStop', onStop, (text) => text as 'finish');
  set('timeoutMs', timeout, (text) => durationOf('--timeout', text));
  set('maxItems', maxItems, (text) => numberOf('--max-items', text));
  set('closeAfterIdleMs', closeAfterIdle, (text) => durationOf('--close-after-idle', text));
  return change;
}

function rateOf(text: string): SwarmConfig['rateLimit'] {
  const [, limit, per, burst] = /^(\d+)\/([^:]+)(?::(\d+))?$/.exec(text) ?? [];
  if (limit === undefined || per === undefined)
    throw new UsageError(`--rate-limit: expected a rate such as 300/60s or 300/60s:10, or none, got "${text}".`);
  return {
    limit: Number(limit),
    perMs: durationOf('--rate-limit', per),
    ...(burst === undefined ? {} : { burst: Number(burst) }),
  };
}
