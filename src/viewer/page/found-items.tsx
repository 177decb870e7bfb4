import { useEffect, useState } from 'preact/hooks';
import type { RowView, WindowView } from '../wire';
import { addressOf, getJson, problemOf } from './api';
import { clockTime, count, counted } from './format';
import { ItemCells, ItemHead } from './item-cells';
import { Empty, Loading, Problem } from './parts';

const rowsPerSearch = 100;

interface Found {
  rows: RowView[];
  looked: number;
  count: number;
  /** Where the search goes on; undefined at the end. */
  next: number | undefined;
  at: number;
}

interface Props {
  id: string;
  state: string | undefined;
  /** What names are to contain. */
  name: string;
}

/** The items whose name contains a text, as they were when they were found: a search reads far more than a window. */
export function FoundItems({ id, state, name }: Props) {
  const [found, setFound] = useState<Found>();
  const [problem, setProblem] = useState<string>();
  const [isAsking, setAsking] = useState(true);
  const [trials, setTrials] = useState(0);

  const ask = (before: Found | undefined, signal?: AbortSignal) => {
    setAsking(true);
    setProblem(undefined);
    const query = { state, name, limit: rowsPerSearch, after: before?.next };
    getJson<WindowView>(addressOf(['work', id, 'items'], query), signal).then(
      ({ items, looked = 0, count: all, next }) => {
        if (signal?.aborted) return;
        const rows = [...(before?.rows ?? []), ...items];
        setFound({ rows, looked: (before?.looked ?? 0) + looked, count: all, next, at: Date.now() });
        setAsking(false);
      },
      (error: unknown) => {
        if (signal?.aborted) return;
        setProblem(problemOf(error));
        setAsking(false);
      },
    );
  };
  useEffect(() => {
    const gone = new AbortController();
    setFound(undefined);
    ask(undefined, gone.signal);
    return () => gone.abort();
  }, [trials]);

  if (!found) return problem === undefined ? <Loading /> : <Problem>{problem}</Problem>;
  const { rows, looked, next, at } = found;
  const where = next === undefined ? `all ${counted(looked, 'item')}` : `the first ${counted(looked, 'item')}`;
  const of = state === undefined ? '' : ` that ${looked === 1 ? 'is' : 'are'} ${state}`;
  return (
    <>
      <p class="found" role="status">
        {counted(rows.length, 'match')} in {where}
        {of}
        {next !== undefined && ` of ${count(found.count)}`}, at {clockTime(at)}.
      </p>
      {problem !== undefined && <Problem>{problem}</Problem>}
      {rows.length === 0 ? (
        <Empty>{`No name there contains “${name}”.`}</Empty>
      ) : (
        <div role="table" class="items" aria-label="Items found" aria-rowcount={rows.length + 1}>
          <ItemHead />
          <div role="rowgroup" class="found-rows">
            {rows.map((row, i) => (
              <div key={row.id} role="row" aria-rowindex={i + 2} class="item-row">
                <ItemCells row={row} />
              </div>
            ))}
          </div>
        </div>
      )}
      <p class="found-more">
        {next !== undefined && (
          <button type="button" disabled={isAsking} onClick={() => ask(found)}>
            Look further
          </button>
        )}
        <button type="button" class="is-plain" disabled={isAsking} onClick={() => setTrials(trials + 1)}>
          Search again
        </button>
      </p>
    </>
  );
}
