import { useEffect, useState } from 'preact/hooks';
import type { ChildrenView, RowView } from '../wire';
import { addressOf, getJson, problemOf } from './api';
import { Empty, Ended, Loading, NameLink, Problem, Status } from './parts';

/** What is nested in a group, level by level. A level is read when somebody opens it. */
export function Tree({ id, total }: { id: string; total: number }) {
  const [children, setChildren] = useState<RowView[]>();
  const [cursor, setCursor] = useState<string>();
  const [problem, setProblem] = useState<string>();
  const more = (from: string | undefined) =>
    getJson<ChildrenView>(addressOf(['work', id, 'children'], { cursor: from })).then(
      (page) => {
        setChildren((before) => (from === undefined ? page.children : [...(before ?? []), ...page.children]));
        setCursor(page.cursor);
      },
      (error: unknown) => setProblem(problemOf(error)),
    );
  useEffect(() => void more(undefined), [id]);
  if (problem !== undefined) return <Problem>{problem}</Problem>;
  if (!children) return <Loading />;
  if (children.length === 0) return <Empty>{total === 0 ? 'It has no items yet.' : 'Nothing is below it.'}</Empty>;
  return (
    <>
      <ul class="tree">
        {children.map((child) => (
          <Branch key={child.id} row={child} />
        ))}
      </ul>
      {cursor !== undefined && (
        <button type="button" onClick={() => void more(cursor)}>
          Show more
        </button>
      )}
    </>
  );
}

function Branch({ row }: { row: RowView }) {
  const [isOpen, setOpen] = useState(false);
  const line = (
    <>
      <Status status={row.status} />
      <NameLink row={row} />
      <span class="kind">{row.kind}</span>
      {row.progress && <Ended progress={row.progress} />}
    </>
  );
  if (!row.progress || row.progress.total === 0) return <li class="leaf">{line}</li>;
  return (
    <li>
      <details open={isOpen} onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
        <summary>{line}</summary>
        {isOpen && <Tree id={row.id} total={row.progress.total} />}
      </details>
    </li>
  );
}
