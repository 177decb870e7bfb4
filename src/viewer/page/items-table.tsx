import type { ComponentChildren } from 'preact';
import { useEffect, useMemo, useState } from 'preact/hooks';
import type { ProgressView } from '../wire';
import { FoundItems } from './found-items';
import { count } from './format';
import { ItemCells, ItemHead } from './item-cells';
import { ItemsModel } from './items-model';
import { barStates, Empty, Loading, Problem } from './parts';
import { place, setQuery } from './router';
import { Scroller } from './scroller';

/** The items of a group, all or those of a state, however many there are; or those that a search by name finds. */
export function ItemsTable({ id, progress }: { id: string; progress: ProgressView }) {
  const { query } = place.value;
  const wanted = query.get('state');
  const state = barStates.find((name) => name === wanted);
  const name = query.get('find') ?? '';
  const choice = (
    <label>
      Show{' '}
      <select value={state ?? ''} onChange={({ currentTarget }) => setQuery({ state: currentTarget.value })}>
        <option value="">all items</option>
        {barStates.map((one) => (
          <option key={one} value={one}>
            {one}
          </option>
        ))}
      </select>
    </label>
  );
  const search = <FindForm key={name} name={name} />;
  if (name === '') return <AllItems id={id} state={state} progress={progress} choice={choice} search={search} />;
  return (
    <>
      <div class="section-head">
        {choice}
        {search}
      </div>
      <FoundItems key={`${id} ${state ?? ''} ${name}`} id={id} state={state} name={name} />
    </>
  );
}

interface AllProps {
  id: string;
  state: string | undefined;
  progress: ProgressView;
  choice: ComponentChildren;
  search: ComponentChildren;
}

function AllItems({ id, state, progress, choice, search }: AllProps) {
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
        {choice}
        {shown && <span class="quiet number">{count(shown.count)}</span>}
        {search}
        <Jump onJump={(index) => void model.jumpTo(index)} />
      </div>
      {problem !== undefined && <Problem>{problem}</Problem>}
      {!shown && problem === undefined && <Loading />}
      {shown && shown.count === 0 && <Empty>{`No item is ${state ?? 'there'}.`}</Empty>}
      {shown && shown.count > 0 && (
        <div role="table" class="items" aria-label="Items" aria-rowcount={shown.count + 1}>
          <ItemHead />
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

/** Looks for items by a part of their name. What is looked for stands in the address. */
function FindForm({ name }: { name: string }) {
  const [text, setText] = useState(name);
  return (
    <form
      class="find"
      role="search"
      onSubmit={(event) => {
        event.preventDefault();
        setQuery({ find: text.trim() }, false);
      }}
    >
      <input
        type="search"
        placeholder="Part of a name"
        aria-label="Find items by a part of their name"
        value={text}
        onInput={({ currentTarget }) => setText(currentTarget.value)}
      />
      <button type="submit">Find</button>
      {name !== '' && (
        <button type="button" class="is-plain" onClick={() => setQuery({ find: undefined }, false)}>
          Clear
        </button>
      )}
    </form>
  );
}
