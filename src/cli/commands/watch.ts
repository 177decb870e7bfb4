import type { Command } from 'commander';
import type { Description } from '../../api/described';
import type { Reader } from '../../api/open-reader';
import type { FailedItem, Progress, SignatureStatus } from '../../api/types';
import { isEnded } from '../../store/item-state';
import { pause, systemClock } from '../../utils/clock';
import { newCommand, outputOption } from '../command';
import { withReader, type ConnectionOptions } from '../connection';
import { NoError, UsageError } from '../errors';
import { onInterrupt } from '../interrupt';
import { LiveBlock } from '../live';
import {
  cut,
  formatOf,
  oneLine,
  paint,
  printValue,
  toStdout,
  widthOf,
  type Format,
  type OutputOptions,
} from '../output';
import { colorOf, durationOf, lasting, progressText } from '../words';

interface Options extends ConnectionOptions, OutputOptions {
  interval: string;
}

const shownFailures = 3;
const askAgainMs = 200;
/** After how many intervals without a change the group counts as standing still. */
const stillIntervals = 10;
const out = process.stdout;

/** `mageflow watch` */
export function watchCommand(): Command {
  return newCommand(
    'watch',
    'Follow a group until it ends; exit code 0 when it succeeded, 1 when not',
    'watch 4kTc9QmZ2aXb.1',
  )
    .argument('<id>', 'id of a swarm, chain, root or single task')
    .option('--interval <time>', 'the shortest time between two reads', '1s')
    .addOption(outputOption())
    .action(async (id: string, options: Options) => {
      const format = formatOf(options);
      const intervalMs = durationOf('--interval', options.interval);
      if (intervalMs < 1) throw new UsageError('--interval: expected at least 1ms.');
      await withReader(options, async (reader) => {
        const status = await follow(reader, { id, intervalMs, format });
        if (status !== 'succeeded') throw new NoError(`${id} has ended: ${status}.`);
      });
    });
}

async function follow(
  reader: Reader,
  { id, intervalMs, format }: { id: string; intervalMs: number; format: Format },
): Promise<SignatureStatus | undefined> {
  const what = await reader.describe(id, { depth: 0 });
  const block = format === 'table' && out.isTTY ? new LiveBlock(out) : undefined;
  let last: Progress | undefined;
  let failures: FailedItem[] = [];
  let changedAt = systemClock.elapsed();
  const show = (): void => {
    const unchangedMs = systemClock.elapsed() - changedAt;
    const isStill = unchangedMs > stillIntervals * intervalMs;
    if (last) block?.show(linesOf(what, last, { failures, stillMs: isStill ? unchangedMs : undefined }));
  };
  // Progress arrives only when it changes, and a group that stands still is to be seen too.
  const redraw = systemClock.interval(show, intervalMs);
  try {
    for await (const progress of reader.watch(id, { intervalMs, signal: onInterrupt() })) {
      if (progress.failed !== last?.failed)
        failures = progress.failed > 0 ? await reader.latestFailures(id, { limit: shownFailures }) : [];
      last = progress;
      changedAt = systemClock.elapsed();
      if (block) show();
      else if (format === 'table') await toStdout(lineOf(progress));
      else if (format === 'jsonl') await printValue(progress, format);
    }
  } finally {
    redraw.cancel();
    block?.end();
  }
  if (format === 'json') await printValue(last, format);
  return outcomeOf(reader, what, last);
}

/** A single task and a root have a status of their own, which follows that of their group. */
async function outcomeOf(
  reader: Reader,
  { id, kind }: Description,
  last: Progress | undefined,
): Promise<SignatureStatus | undefined> {
  if (kind !== 'task' && kind !== 'root') return last?.status;
  for (;;) {
    const { status } = await reader.describe(id, { depth: 0 });
    if (isEnded(status)) return status;
    await pause(systemClock, askAgainMs);
  }
}

function lineOf(progress: Progress): string {
  return [`${progressText(progress)} ${progress.status}`, ...leftOf(progress)].join(', ');
}

/** Returns what runs, what is to come, and the rates. */
function leftOf(progress: Progress): string[] {
  return [...countsOf(progress), ...ratesOf(progress)];
}

function countsOf({ running, queued, waiting }: Progress): string[] {
  return [`${running} running`, `${queued + waiting} to come`];
}

function ratesOf({ perSecond, etaMs, rateLimited, startedAt, endedAt }: Progress): string[] {
  return [
    perSecond > 0 ? `${perSecond >= 10 ? Math.round(perSecond) : perSecond.toFixed(1)}/s` : '',
    etaMs === undefined ? '' : `${lasting(etaMs)} left`,
    rateLimited ? 'held by its rate limit' : '',
    startedAt && endedAt ? `took ${lasting(endedAt.getTime() - startedAt.getTime())}` : '',
  ].filter(Boolean);
}

/** @param stillMs - for how long nothing has changed, if that is long */
function linesOf(
  { kind, name, id }: Description,
  progress: Progress,
  { failures, stillMs }: { failures: readonly FailedItem[]; stillMs: number | undefined },
): string[] {
  const width = widthOf(out);
  const { status } = progress;
  const head = cut(`${kind} ${oneLine(name)}  ${id}  `, Math.max(10, width - status.length - 1));
  const still = stillMs !== undefined && !isEnded(status);
  // What stands still has no rate, and no time that is left.
  const counts = [progressText(progress), ...(still ? countsOf(progress) : leftOf(progress))];
  return [
    `${paint(out, 'bold', head)}${paint(out, colorOf(status), status)}`,
    barOf(progress, width),
    cut(counts.join(' · '), width),
    ...failures.map(({ index, error }) => paint(out, 'red', cut(`#${index} ${oneLine(error)}`, width))),
    ...(still
      ? [paint(out, 'yellow', cut(`Nothing has changed for ${lasting(stillMs)}. Why: mageflow explain ${id}`, width))]
      : []),
  ];
}

/** One bar, with a part for each state. */
function barOf({ total, succeeded, failed, cancelled, running }: Progress, width: number): string {
  const cells = Math.max(10, Math.min(width, 100) - 2);
  const parts = [
    { count: succeeded, sign: '█', color: 'green' },
    { count: failed, sign: '█', color: 'red' },
    { count: cancelled, sign: '▒', color: 'yellow' },
    { count: running, sign: '▓', color: 'cyan' },
  ] as const;
  let used = 0;
  const drawn = parts.map(({ count, sign, color }) => {
    // Each state that occurs gets at least one cell, so that it is seen.
    const wide = count === 0 ? 0 : Math.max(1, Math.round((count / Math.max(1, total)) * cells));
    const given = Math.min(wide, cells - used);
    used += given;
    return paint(out, color, sign.repeat(given));
  });
  return `[${drawn.join('')}${'░'.repeat(cells - used)}]`;
}
