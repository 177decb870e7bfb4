import type { Message } from '../messages/json';

/** Options of the engine's run of one signature. */
export interface StoredRunOptions {
  additionalMetadata?: Record<string, string>;
  priority?: number;
  sticky?: boolean;
  desiredWorkerLabels?: Record<string, unknown>;
}

/** Options of which each later one wins; of the metadata, each later key. */
export function mergeRunOptions(...parts: readonly (StoredRunOptions | undefined)[]): StoredRunOptions | undefined {
  const given = parts.filter((part) => part !== undefined);
  if (given.length < 2) return given[0];
  return given.reduce((left, right) => ({
    ...left,
    ...right,
    ...(left.additionalMetadata && right.additionalMetadata
      ? { additionalMetadata: { ...left.additionalMetadata, ...right.additionalMetadata } }
      : {}),
  }));
}

/**
 * A signature as its group stores it, by value: an item or a callback.
 * Packed as a header that outlives the end of the item, a line end, and the bound data, which doesn't.
 */
export interface Spec {
  task: string;
  /** Set when the signature has an id of its own; other items are named by their place. */
  id?: string;
  name?: string;
  options?: StoredRunOptions;
  successCallbacks?: string[];
  errorCallbacks?: string[];
  /** JSON text, as it was checked when it was signed. */
  data?: string;
}

type Header = [
  task: string,
  id?: string | 0,
  name?: string | 0,
  options?: StoredRunOptions | 0,
  success?: string[] | 0,
  error?: string[] | 0,
];

/** Packs a signature into one text. A leading `*` tells the scripts that there are callbacks to look for. */
export function packSpec(spec: Spec): string {
  const { task, id, name, options, successCallbacks, errorCallbacks, data } = spec;
  const hasCallbacks = Boolean(successCallbacks?.length || errorCallbacks?.length);
  const header: Header = [task, id ?? 0, name ?? 0, options ?? 0];
  if (hasCallbacks)
    header.push(successCallbacks?.length ? successCallbacks : 0, errorCallbacks?.length ? errorCallbacks : 0);
  while (header.length > 1 && header.at(-1) === 0) header.pop();
  return `${hasCallbacks ? '*' : ''}${JSON.stringify(header)}\n${data === '{}' ? '' : (data ?? '')}`;
}

/** The opposite of {@link packSpec}. */
export function unpackSpec(packed: string): Spec {
  const end = packed.indexOf('\n');
  const [task, id, name, options, success, error] = JSON.parse(
    packed.slice(packed.startsWith('*') ? 1 : 0, end),
  ) as Header;
  const data = packed.slice(end + 1);
  return {
    task,
    ...(id ? { id } : {}),
    ...(name ? { name } : {}),
    ...(options ? { options } : {}),
    ...(success ? { successCallbacks: success } : {}),
    ...(error ? { errorCallbacks: error } : {}),
    ...(data ? { data } : {}),
  };
}

/** A fired callback: which list it came from, whose end fired it (an entry, or 'g' for the group), and what runs. */
export interface FiredCallback {
  kind: 'success' | 'error';
  source: string;
  spec: Spec;
}

/** Reads what the scripts store for a fired callback. */
export function unpackCallback(packed: string): FiredCallback {
  const end = packed.indexOf('\n');
  const [kind, source] = packed.slice(0, end).split(' ') as ['success' | 'error', string];
  return { kind, source, spec: unpackSpec(packed.slice(end + 1)) };
}

/** Parses stored JSON text into a message; nothing stored is an empty one. */
export function parseMessage(text: string | null | undefined): Message {
  return text ? (JSON.parse(text) as Message) : {};
}

/** Packs what an item was run with: its message, and options of its run where they were given. */
export function packMessage(message: string, options: StoredRunOptions | undefined): string {
  return options ? `*${JSON.stringify(options)}\n${message}` : message;
}

/** The opposite of {@link packMessage}. */
export function unpackMessage(packed: string): { message: string; options?: StoredRunOptions } {
  if (!packed.startsWith('*')) return { message: packed };
  const end = packed.indexOf('\n');
  return { message: packed.slice(end + 1), options: JSON.parse(packed.slice(1, end)) as StoredRunOptions };
}
