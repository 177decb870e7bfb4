import type { Message } from '../messages/json';

/** Options of the engine's run of one signature. */
export interface StoredRunOptions {
  additionalMetadata?: Record<string, string>;
  priority?: number;
  sticky?: boolean;
  desiredWorkerLabels?: Record<string, unknown>;
}

/** Run options as a group stores them, each later one over those before. */
export function parseOptions(...parts: readonly (string | null | undefined)[]): StoredRunOptions | undefined {
  return mergeRunOptions(...parts.map((json) => (json ? (JSON.parse(json) as StoredRunOptions) : undefined)));
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
  /** JSON text, as it was checked when it was signed; for a group stored by value, its template. */
  data?: string;
  /**
   * What it is when it is no plain task: a root; a chain or a swarm stored by value, which comes to be when it gets its
   * slot; a swarm that is there already under its id.
   */
  group?: 'root' | 'chain' | 'swarm' | 'made swarm';
  /** Groups that exist already and belong below it; its parent keeps them, cancels them and forgets them. */
  below?: string[];
  /** For how long its run may wait for a worker, where its declaration says so: '5m'. */
  scheduleTimeout?: string;
}

/** Whether what a spec stands for is a group, whose own items are runs of the engine. */
export function isGroup({ group }: Pick<Spec, 'group'>): boolean {
  return group !== undefined && group !== 'root';
}

/** A chain or swarm by value: as the data of its {@link Spec}. */
export interface GroupTemplate {
  items: string[];
  successCallbacks: string[];
  errorCallbacks: string[];
  options?: StoredRunOptions;
  maxConcurrency: number;
  stopAfterNFailures: number | null;
  stopAfterFailureRatio?: number | null;
  timeoutMs?: number | null;
  keepResults: boolean;
}

type Header = [
  task: string,
  id?: string | 0,
  name?: string | 0,
  options?: StoredRunOptions | 0,
  success?: string[] | 0,
  error?: string[] | 0,
  group?: NonNullable<Spec['group']> | 0,
  below?: string[] | 0,
  scheduleTimeout?: string,
];

/**
 * Packs a signature into one text. What leads it tells the scripts what to look for: `*` callbacks of an entry, `@` groups
 * below it (a group has its callbacks itself, so it is never both).
 */
export function packSpec(spec: Spec): string {
  const { task, id, name, options, successCallbacks, errorCallbacks, data, group, below, scheduleTimeout } = spec;
  const success = successCallbacks?.length ? successCallbacks : 0;
  const error = errorCallbacks?.length ? errorCallbacks : 0;
  const header: Header = [task, id ?? 0, name ?? 0, options ?? 0, success, error, group ?? 0, below ?? 0];
  if (scheduleTimeout) header.push(scheduleTimeout);
  while (header.length > 1 && header.at(-1) === 0) header.pop();
  const lead = success || error ? '*' : below ? '@' : '';
  return `${lead}${JSON.stringify(header)}\n${data === '{}' ? '' : (data ?? '')}`;
}

/** The opposite of {@link packSpec}. */
export function unpackSpec(packed: string): Spec {
  const end = packed.indexOf('\n');
  const [task, id, name, options, success, error, group, below, scheduleTimeout] = JSON.parse(
    packed.slice(/^[*@]/.test(packed) ? 1 : 0, end),
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
    ...(group ? { group } : {}),
    ...(below ? { below } : {}),
    ...(scheduleTimeout ? { scheduleTimeout } : {}),
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

/** The packed callbacks that a stored signature carries; a group that is stored by value keeps them in its template. */
export function callbacksOf(spec: Pick<Spec, 'successCallbacks' | 'errorCallbacks' | 'group' | 'data'>): string[] {
  const byValue = spec.group === 'chain' || spec.group === 'swarm' ? (spec.data ?? '{}') : '{}';
  const { successCallbacks = [], errorCallbacks = [] } = JSON.parse(byValue) as Partial<GroupTemplate>;
  return [...(spec.successCallbacks ?? []), ...(spec.errorCallbacks ?? []), ...successCallbacks, ...errorCallbacks];
}

/** The ids of the callbacks that a stored signature carries, at any depth. */
export function callbackIds(spec: Parameters<typeof callbacksOf>[0]): string[] {
  return callbacksOf(spec).flatMap((packed) => {
    const callback = unpackSpec(packed);
    return [...(callback.id ? [callback.id] : []), ...callbackIds(callback)];
  });
}

/** What a group that is stored by value is made with. @param options - of its run, over those of the template */
export function templateGroup({ data = '{}' }: Spec, options: StoredRunOptions | undefined) {
  const { options: own, ...group } = JSON.parse(data) as GroupTemplate;
  const merged = mergeRunOptions(own, options);
  return { ...group, ...(merged ? { options: JSON.stringify(merged) } : {}) };
}
