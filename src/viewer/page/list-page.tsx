import { useEffect, useState } from 'preact/hooks';
import type { ListView, RowView } from '../wire';
import { addressOf, getJson } from './api';
import { ListFilters } from './list-filters';
import { lasting, rate } from './format';
import { Live } from './live';
import { Ago, Empty, Ended, Link, Loading, NameLink, StateBar, Status, Tags } from './parts';
import { place, setQuery } from './router';

const filterNames = ['kind', 'status', 'name', 'tag', 'since', 'cursor'] as const;
const sinceMs: Record<string, number> = { '1h': 3_600_000, '24h': 86_400_000, '7d': 604_800_000 };

/** Returns the filter of the address, for the server. The time is cut to minutes, so that pages can share a stream. */
function filterOf(query: URLSearchParams): Record<string, string | undefined> {
  const filter = Object.fromEntries(filterNames.map((name) => [name, query.get(name) ?? undefined]));
  const ms = sinceMs[filter['since'] ?? ''];
  const since = ms === undefined ? undefined : String(Math.floor((Date.now() - ms) / 60_000) * 60_000);
  return { ...filter, since };
}

export function ListPage() {
  const { query } = place.value;
  const search = query.toString();
  const [list, setList] = useState<ListView>();
  const [problem, setProblem] = useState<string>();
  useEffect(() => {
    document.title = 'mageflow';
    setList(undefined);
    setProblem(undefined);
    const filter = filterOf(new URLSearchParams(search));
    const poll = addressOf(['list'], filter);
    const live = new Live<ListView>(
      { events: addressOf(['list', 'events'], filter), poll },
      { update: setList, gone: () => undefined },
    );
    // The stream does not say what is wrong with a filter.
    getJson<ListView>(poll).then(
      (value) => setList((before) => before ?? value),
      (error: unknown) => setProblem((error as Error).message),
    );
    return () => live.stop();
  }, [search]);
  const isFiltered = filterNames.some((name) => name !== 'cursor' && query.has(name));
  return (
    <>
      <h1 class="hidden">Groups</h1>
      <ListFilters />
      {problem !== undefined ? (
        <p class="problem" role="alert">
          {problem}
        </p>
      ) : list === undefined ? (
        <Loading />
      ) : list.order.length === 0 ? (
        <NothingThere isFiltered={isFiltered} hasMore={list.cursor !== undefined} />
      ) : (
        <Rows rows={list.order.flatMap((id) => list[`row:${id}`] ?? [])} />
      )}
      <Pages cursor={list?.cursor} isFirst={!query.has('cursor')} />
    </>
  );
}

function NothingThere({ isFiltered, hasMore }: { isFiltered: boolean; hasMore: boolean }) {
  if (hasMore) return <Empty>None among the groups that were looked at. There are more on the next page.</Empty>;
  if (isFiltered)
    return (
      <Empty>
        No group fits. <Link>Show all</Link>
      </Empty>
    );
  return <Empty>Nothing is stored yet. A group appears here as soon as it is created or run.</Empty>;
}

function Rows({ rows }: { rows: readonly RowView[] }) {
  return (
    <table class="groups">
      <thead>
        <tr>
          <th scope="col">Name</th>
          <th scope="col">Status</th>
          <th scope="col">Progress</th>
          <th scope="col" class="is-right">
            Rate
          </th>
          <th scope="col" class="is-right">
            Left
          </th>
          <th scope="col" class="is-right">
            Created
          </th>
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <Row key={row.id} row={row} />
        ))}
      </tbody>
    </table>
  );
}

function Row({ row }: { row: RowView }) {
  const { kind, status, progress, tags, createdAt, startedAt, endedAt } = row;
  const isRunning = status === 'running' && progress !== undefined;
  return (
    <tr>
      <td class="cell-name">
        <NameLink row={row} />
        <span class="under">
          <span class="kind">{kind}</span>
          <Tags tags={tags} />
        </span>
      </td>
      <td class="cell-status">
        <Status status={status} />
      </td>
      <td class="cell-progress">
        {progress ? (
          <>
            <StateBar progress={progress} />
            <Ended progress={progress} />
          </>
        ) : (
          startedAt !== undefined &&
          endedAt !== undefined && <span class="quiet">took {lasting(endedAt - startedAt)}</span>
        )}
      </td>
      <td class="is-right number cell-rate">{isRunning ? rate(progress.perSecond) : ''}</td>
      <td class="is-right number cell-left">
        {progress?.etaMs !== undefined && isRunning ? lasting(progress.etaMs) : ''}
      </td>
      <td class="is-right cell-age quiet">{createdAt !== undefined && <Ago time={createdAt} />}</td>
    </tr>
  );
}

function Pages({ cursor, isFirst }: { cursor: string | undefined; isFirst: boolean }) {
  if (isFirst && cursor === undefined) return null;
  return (
    <nav class="pages" aria-label="Pages">
      <button type="button" disabled={isFirst} onClick={() => setQuery({ cursor: undefined }, false)}>
        Newest
      </button>
      <button type="button" disabled={cursor === undefined} onClick={() => setQuery({ cursor }, false)}>
        Older
      </button>
    </nav>
  );
}
