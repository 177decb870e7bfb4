import type { ProgressView, TimelineView } from '../wire';
import { addressOf } from './api';
import { clockTime, lasting, rate } from './format';
import { useAsked, useTicks } from './hooks';

const redrawMs = 5_000;
const bins = 60;
const width = 600;
const height = 80;

/** How many items ended per second, over the life of a group. */
export function RateChart({ id, progress }: { id: string; progress: ProgressView }) {
  const ended = progress.succeeded + progress.failed + progress.cancelled;
  const isOver = progress.endedAt !== undefined;
  const ticks = useTicks(isOver ? undefined : redrawMs);
  const { value } = useAsked<TimelineView>(
    ended > 1 ? addressOf(['work', id, 'timeline']) : undefined,
    `${ticks} ${isOver} ${progress.startedAt ?? ''}`,
  );
  const points = value?.points ?? [];
  const from = Math.min(progress.startedAt ?? Infinity, points[0]?.at ?? Infinity);
  const to = Math.max(points.at(-1)?.at ?? 0, progress.endedAt ?? 0);
  // A shorter time says nothing about a pace.
  if (points.length < 2 || to - from < 1_000) return null;
  const rates = ratesOf(points, from, to);
  const highest = Math.max(...rates);
  const step = width / bins;
  const path = rates
    .map(
      (value, i) =>
        `L${(i * step).toFixed(1)} ${at(value, highest)}L${((i + 1) * step).toFixed(1)} ${at(value, highest)}`,
    )
    .join('');
  return (
    <figure class="chart">
      <figcaption>
        <span>Items ended per second</span>
        <span class="quiet">at most {rate(highest)}</span>
      </figcaption>
      <svg
        viewBox={`0 0 ${width} ${height}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={`Items ended per second, over ${lasting(to - from)}: at most ${rate(highest)}`}
      >
        <path class="chart-area" d={`M0 ${height}${path}L${width} ${height}Z`} />
      </svg>
      <p class="chart-times quiet">
        <span>{clockTime(from)}</span>
        <span>{lasting(to - from)}</span>
        <span>{clockTime(to)}</span>
      </p>
    </figure>
  );
}

function at(value: number, highest: number): string {
  return (height - (highest > 0 ? (value / highest) * (height - 2) : 0)).toFixed(1);
}

/** Returns the rate in each of some equal stretches of time. */
function ratesOf(points: readonly { at: number; ended: number }[], from: number, to: number): number[] {
  const binMs = (to - from) / bins;
  const endedBy = (time: number): number => {
    let before = { at: from, ended: 0 };
    for (const point of points) {
      if (point.at > time) {
        const share = point.at === before.at ? 1 : (time - before.at) / (point.at - before.at);
        return before.ended + share * (point.ended - before.ended);
      }
      before = point;
    }
    return before.ended;
  };
  return Array.from({ length: bins }, (_, i) => {
    const gained = endedBy(from + (i + 1) * binMs) - endedBy(from + i * binMs);
    return Math.max(0, gained / (binMs / 1_000));
  });
}
