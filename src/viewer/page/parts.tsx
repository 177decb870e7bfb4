import type { ComponentChildren } from 'preact';
import type { ProgressView, RowView, WorkStatus } from '../wire';
import { absolute, ago, capital, count, counted } from './format';
import { now } from './now';
import { follow, hrefOf } from './router';

/** The states that a bar shows, in the order in which they stand in it. */
export const barStates = ['succeeded', 'failed', 'cancelled', 'running', 'queued', 'waiting'] as const;

export function Status({ status }: { status: WorkStatus }) {
  return (
    <span class={`status is-${status}`}>
      <span class="dot" aria-hidden="true" />
      {status}
    </span>
  );
}

/** How long ago a time was, with the time itself for whoever points at it. */
export function Ago({ time }: { time: number }) {
  return (
    <time dateTime={new Date(time).toISOString()} title={absolute(time)}>
      {ago(time, now.value)}
    </time>
  );
}

/** A text of the user's, which may be anything: it can't turn the text around it. */
export function Text({ children }: { children: string }) {
  return <bdi class="text">{children}</bdi>;
}

export function Link({ id, query, children, ...rest }: LinkProps) {
  return (
    <a href={hrefOf(id, query)} onClick={follow} {...rest}>
      {children}
    </a>
  );
}

interface LinkProps {
  id?: string | undefined;
  query?: Record<string, string | undefined>;
  class?: string;
  title?: string;
  children: ComponentChildren;
}

/** The name of a group or item, as a link. Without a name, its id. */
export function NameLink({ row }: { row: Pick<RowView, 'id' | 'name'> }) {
  return (
    <Link id={row.id} class="name" title={row.name || row.id}>
      <Text>{row.name || row.id}</Text>
    </Link>
  );
}

/** A bar of what has become of the items. */
export function StateBar({ progress, large = false }: { progress: ProgressView; large?: boolean }) {
  const { total } = progress;
  const parts = barStates.filter((state) => progress[state] > 0);
  const text = parts.map((state) => `${count(progress[state])} ${state}`).join(', ') || 'no items yet';
  return (
    <div class={large ? 'bar is-large' : 'bar'} role="img" aria-label={`${count(total)} items: ${text}`} title={text}>
      {parts.map((state) => (
        // What is there can be seen, however little it is.
        <span key={state} class={`fill is-${state}`} style={{ flexGrow: progress[state] / total, minWidth: '3px' }} />
      ))}
    </div>
  );
}

/** How many items have ended, of how many. */
export function Ended({ progress }: { progress: ProgressView }) {
  const { succeeded, failed, cancelled, total, callbacks } = progress;
  return (
    <span class="ended">
      <span class="number">{count(succeeded + failed + cancelled)}</span> of <span class="number">{count(total)}</span>
      {failed > 0 && <span class="is-bad"> · {count(failed)} failed</span>}
      {callbacks.failed > 0 && <span class="is-bad"> · {counted(callbacks.failed, 'callback')} failed</span>}
    </span>
  );
}

export function Problem({ children }: { children: string }) {
  return (
    <p class="problem" role="alert">
      {children}
    </p>
  );
}

/** What stands where there is nothing. */
export function Empty({ children }: { children: ComponentChildren }) {
  return <p class="empty">{children}</p>;
}

export function Loading() {
  return <p class="empty is-late">Loading …</p>;
}

export function Tags({ tags }: { tags: readonly string[] | undefined }) {
  return (
    <>
      {tags?.map((tag) => (
        <Link key={tag} query={{ tag }} class="tag" title={`All with the tag ${tag}`}>
          <Text>{tag}</Text>
        </Link>
      ))}
    </>
  );
}

/** A fact with its name. */
export function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div class="fact">
      <dt>{capital(name)}</dt>
      <dd>{children}</dd>
    </div>
  );
}
