import { useState } from 'preact/hooks';
import type { WorkView } from '../wire';
import { addressOf, getJson } from './api';
import { goTo, hrefOf, place, setQuery } from './router';

const kinds = ['swarm', 'chain', 'root', 'task'];
const statuses = ['pending', 'queued', 'running', 'suspended', 'succeeded', 'failed', 'cancelled'];
const times = { '1h': 'last hour', '24h': 'last 24 hours', '7d': 'last 7 days' };

/** The filters of the list. They stand in the address, so that a link or a reload shows the same. */
export function ListFilters() {
  const { query } = place.value;
  const isFiltered = [...query.keys()].length > 0;
  return (
    <div class="filters" role="search">
      <Search name={query.get('name') ?? ''} />
      <Choice name="kind" all="all kinds" choices={kinds.map((kind) => [kind, kind])} />
      <Choice name="status" all="any status" choices={statuses.map((status) => [status, status])} />
      <Choice name="since" all="any time" choices={Object.entries(times)} />
      <TagFilter tag={query.get('tag') ?? ''} />
      {isFiltered && (
        <button type="button" class="is-plain" onClick={() => goTo(hrefOf())}>
          Clear
        </button>
      )}
    </div>
  );
}

function Choice({ name, all, choices }: { name: string; all: string; choices: readonly (readonly string[])[] }) {
  const value = place.value.query.get(name) ?? '';
  return (
    <select
      aria-label={`Filter by ${name === 'since' ? 'time' : name}`}
      value={value}
      onChange={({ currentTarget }) => setQuery({ [name]: currentTarget.value, cursor: undefined }, false)}
    >
      <option value="">{all}</option>
      {choices.map(([choice, label]) => (
        <option key={choice} value={choice}>
          {label}
        </option>
      ))}
    </select>
  );
}

/** Looks for a name, the whole one; or opens what has this id. */
function Search({ name }: { name: string }) {
  const [text, setText] = useState(name);
  const search = async () => {
    const wanted = text.trim();
    if (wanted !== '' && (await isId(wanted))) goTo(hrefOf(wanted));
    else setQuery({ name: wanted, cursor: undefined }, false);
  };
  return (
    <form
      class="search"
      onSubmit={(event) => {
        event.preventDefault();
        void search();
      }}
    >
      <input
        key={name}
        type="search"
        placeholder="Whole name, or id"
        aria-label="Find by the whole name, or by id"
        value={text}
        onInput={({ currentTarget }) => setText(currentTarget.value)}
      />
      <button type="submit">Find</button>
    </form>
  );
}

async function isId(text: string): Promise<boolean> {
  try {
    await getJson<WorkView>(addressOf(['work', text]));
    return true;
  } catch {
    // Then it is a name.
    return false;
  }
}

function TagFilter({ tag }: { tag: string }) {
  return (
    <input
      key={tag}
      class="tag-filter"
      type="text"
      placeholder="Tag"
      aria-label="Filter by tag"
      value={tag}
      onChange={({ currentTarget }) => setQuery({ tag: currentTarget.value.trim(), cursor: undefined }, false)}
    />
  );
}
