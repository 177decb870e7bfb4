import type { RowView } from '../wire';
import { Ago, NameLink, Status } from './parts';

/** Invoked callbacks with their status. */
export function CallbackList({ callbacks }: { callbacks: readonly RowView[] }) {
  return (
    <ul class="rows">
      {callbacks.map((row) => (
        <li key={row.id} class="row">
          <Status status={row.status} />
          <NameLink row={row} />
          <span class="quiet row-end">
            {row.endedAt === undefined ? null : <Ago time={row.endedAt} />}
            {row.runUrl !== undefined && (
              <a href={row.runUrl} target="_blank" rel="noreferrer">
                run
              </a>
            )}
          </span>
          {row.error !== undefined && <p class="row-error">{row.error}</p>}
        </li>
      ))}
    </ul>
  );
}
