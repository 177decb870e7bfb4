import { signal } from '@preact/signals';
import { base } from './session';

/** Where the page is: the list, or one group or item. */
export interface Place {
  /** The id of the group or item; undefined for the list. */
  id: string | undefined;
  query: URLSearchParams;
}

export const place = signal(read());

addEventListener('popstate', () => (place.value = read()));

function read(): Place {
  const path = location.pathname.startsWith(base) ? location.pathname.slice(base.length) : location.pathname;
  const [first, id] = path.split('/').filter(Boolean);
  return {
    id: first === 'work' && id !== undefined ? decodeURIComponent(id) : undefined,
    query: new URLSearchParams(location.search),
  };
}

/** The address of the list with a filter, or of a group or item. */
export function hrefOf(id?: string, query: Record<string, string | undefined> = {}): string {
  const given = Object.entries(query).flatMap(([name, value]) => (value ? [[name, value]] : []));
  const search = new URLSearchParams(given).toString();
  return `${base}/${id === undefined ? '' : `work/${encodeURIComponent(id)}`}${search ? `?${search}` : ''}`;
}

/** Goes there without loading the page again. */
export function goTo(href: string, { replace = false }: { replace?: boolean } = {}): void {
  const isOther = new URL(href, location.href).pathname !== location.pathname;
  if (replace) history.replaceState(undefined, '', href);
  else history.pushState(undefined, '', href);
  place.value = read();
  if (!isOther) return;
  scrollTo(0, 0);
  document.querySelector<HTMLElement>('main')?.focus({ preventScroll: true });
}

/** Follows a link of this page in place, unless the visitor wants another tab. */
export function follow(event: MouseEvent): void {
  if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey)
    return;
  event.preventDefault();
  goTo((event.currentTarget as HTMLAnchorElement).href);
}

/** Changes parts of the query, and keeps the rest. An empty value removes one. */
export function setQuery(changes: Record<string, string | undefined>, replace = true): void {
  const { id, query } = place.value;
  goTo(hrefOf(id, { ...Object.fromEntries(query), ...changes }), { replace });
}
