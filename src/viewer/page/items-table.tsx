import { useEffect, useMemo, useState } from 'preact/hooks';
import type { ProgressView, RowView } from '../wire';
import { count, lasting } from './format';
import { ItemsModel } from './items-model';
import { barStates, Empty, Loading, NameLink, Problem, StateBar, Status, Text } from './parts';
import { place, setQuery } from './router';
import { Scroller } from './scroller';

/** The items of a group, all or those of a state, however many there are. */
export function ItemsTable({ id, progress }: { id: string; progress: ProgressView }) {
  const wanted = place.value.query.get('state');
  const state = barStates.find((name) => name === wanted);
  const model = useMemo(() => new ItemsModel(id, state), [id, state]);
  useEffect(() => () => model.close(), [model]);
  const { total, waiting, queued, running, succeeded, failed, cancelled } = progress;
  const counts = [total, waiting, queued, running, succeeded, failed, cancelled].join(' ');
  useEffect(() => model.refreshSoon(), [model, counts]);
  const shown = model.shown.value;
  const problem = model.problem.value;
  return (
    <>
      <div class="section-head">
        <label>
          Show{' '}
          <select value={state ?? ''} onChange={({ currentTarget }) => setQuery({ state: currentTarget.value })}>
            <option value="">all items</option>
            {barStates.map((name) => (
              <option key={name} value={name}>
                {name}
              </option>
            ))}
          </select>
        </label>
        {shown && <span class="quiet number">{count(shown.count)}</span>}
        <Jump onJump={(index) => void model.jumpTo(index)} />
      </div>
      {problem !== undefined && <Problem>{problem}</Problem>}
      {!shown && problem === undefined && <Loading />}
      {shown && shown.count === 0 && <Empty>{`No item is ${state ?? 'there'}.`}</Empty>}
      {shown && shown.count > 0 && (
        <div role="table" class="items" aria-label="Items" aria-rowcount={shown.count + 1}>
          <div role="rowgroup">
            <div role="row" class="item-row is-head" aria-rowindex={1}>
              {['Index', 'Status', 'Name', 'Took', 'Attempts', 'Error'].map((name) => (
                <span key={name} role="columnheader" class={`item-${name.toLowerCase()}`}>
                  {name}
                </span>
              ))}
            </div>
          </div>
          <Scroller
            model={model}
            count={shown.count}
            row={(position) => <ItemCells row={shown.items[position - shown.position]} />}
          />
        </div>
      )}
    </>
  );
}

function ItemCells({ row }: { row: RowView | undefined }) {
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

function Jump({ onJump }: { onJump: (index: number) => void }) {
  const [text, setText] = useState('');
  return (
    <form
      class="jump"
      onSubmit={(event) => {
        event.preventDefault();
        if (/^\d+$/.test(text)) onJump(Number(text));
      }}
    >
      <input
        type="text"
        inputMode="numeric"
        placeholder="Index"
        aria-label="Go to the item with this index"
        value={text}
        onInput={({ currentTarget }) => setText(currentTarget.value.replaceAll(/\D/g, ''))}
      />
      <button type="submit">Go</button>
    </form>
  );
}
