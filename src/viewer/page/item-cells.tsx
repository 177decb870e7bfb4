import type { RowView } from '../wire';
import { count, lasting } from './format';
import { NameLink, StateBar, Status, Text } from './parts';

/** The head of a table of items. */
export function ItemHead() {
  return (
    <div role="rowgroup">
      <div role="row" class="item-row is-head" aria-rowindex={1}>
        {['Index', 'Status', 'Name', 'Took', 'Attempts', 'Error'].map((name) => (
          <span key={name} role="columnheader" class={`item-${name.toLowerCase()}`}>
            {name}
          </span>
        ))}
      </div>
    </div>
  );
}

/** The cells of an item; undefined for one that is not read yet. */
export function ItemCells({ row }: { row: RowView | undefined }) {
  if (!row) return <span role="cell">…</span>;
  const { index = 0, status, startedAt, endedAt, attempts, error, progress, kind } = row;
  return (
    <>
      <span role="cell" class="item-index number quiet">
        {count(index)}
      </span>
      <span role="cell" class="item-status">
        <Status status={status} />
      </span>
      <span role="cell" class="item-name">
        <NameLink row={row} />
        {kind !== 'task' && <span class="kind">{kind}</span>}
      </span>
      <span role="cell" class="item-took number quiet">
        {startedAt !== undefined && endedAt !== undefined ? lasting(endedAt - startedAt) : ''}
      </span>
      <span role="cell" class="item-attempts number quiet">
        {attempts ?? ''}
      </span>
      <span role="cell" class="item-error">
        {progress ? <StateBar progress={progress} /> : error !== undefined && <Text>{error}</Text>}
      </span>
    </>
  );
}
