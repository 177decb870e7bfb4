import type { ConfigChange } from '../config/swarm-config';
import type { GroupRetention, Labels } from './labels';
import type { Message } from '../messages/json';

/** Options of the engine's run of one signature. */
export interface StoredRunOptions {
  additionalMetadata?: Record<string, string>;
  priority?: number;
  sticky?: boolean;
  desiredWorkerLabels?: Record<string, unknown>;
}

/** Parses and merges run options as a group stores them. Later ones win. */
export function parseOptions(...parts: readonly (string | null | undefined)[]): StoredRunOptions | undefined {
  return mergeRunOptions(...parts.map((json) => (json ? (JSON.parse(json) as StoredRunOptions) : undefined)));
}

/** Merges run options: later options win, and within the metadata later keys. */
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
 *
 * It is packed as a header, a line end, its callbacks and its bound data. The callbacks are kept after the end of the item;
 * the bound data may be deleted.
 */
export interface Spec {
  task: string;
  /** Set when the signature has its own id. Other items are identified by their index. */
  id?: string;
  name?: string;
  options?: StoredRunOptions;
  successCallbacks?: string[];
  errorCallbacks?: string[];
  /** The bound data as JSON text, checked when the task was signed; for a group stored by value, its packed template. */
  data?: string;
  /** Set when the bound data were deleted, because the item has succeeded. */
  dropped?: true;
  /**
   * Set when the item is not a plain task: a root; a chain or swarm stored by value, which is created when it gets its slot;
   * or `swarm-ref`, a swarm that exists already under its id.
   */
  group?: 'root' | 'chain' | 'swarm' | 'swarm-ref';
  /** Existing groups that belong below the item. The group of the item keeps, cancels and removes them. */
  below?: string[];
  /** How long its run may wait for a worker, if its declaration sets it, for example '5m'. */
  scheduleTimeout?: string;
  labels?: Labels;
  /** Of a task or chain: for how long it is kept when it is run by itself. */
  retention?: GroupRetention;
}

/** Returns the name that people see: the one that was given, or that of the task. */
export function displayName({ name, task }: { name?: string | undefined; task: string }): string {
  return name ?? task;
}

/** Returns whether a spec represents a nested group, which has no run in the engine itself. Its items do. */
export function isGroup({ group }: Pick<Spec, 'group'>): boolean {
  return group !== undefined && group !== 'root';
}

/** A chain or swarm stored by value. Packed, it is the `data` of its {@link Spec}. */
export interface GroupTemplate extends ConfigChange {
  items: string[];
  successCallbacks: string[];
  errorCallbacks: string[];
  options?: StoredRunOptions;
  maxConcurrency: number;
}

type Header = [
  task: string,
  id?: string | 0,
  name?: string | 0,
  options?: StoredRunOptions | 0,
  success?: number[] | 0,
  error?: number[] | 0,
  group?: NonNullable<Spec['group']> | 0,
  below?: string[] | 0,
  scheduleTimeout?: string | 0,
  labels?: Labels | 0,
  retention?: GroupRetention | 0,
];

/**
 * Packs a signature into one text. Its first character shows the scripts what the header holds: `*` for callbacks of an
 * entry, `@` for groups below it. A group stores its callbacks itself, so both never occur together.
 *
 * Nested texts are appended unescaped, and the header holds their sizes in bytes: JSON within JSON would double its size
 * with each level.
 */
export function packSpec(spec: Spec): string {
  const {
    task,
    id,
    name,
    options,
    successCallbacks = [],
    errorCallbacks = [],
    data = '',
    group,
    below,
    scheduleTimeout,
    labels,
    retention,
  } = spec;
  const success = successCallbacks.length > 0 ? successCallbacks.map(bytesOf) : 0;
  const error = errorCallbacks.length > 0 ? errorCallbacks.map(bytesOf) : 0;
  const header: Header = [task, id ?? 0, name ?? 0, options ?? 0, success, error, group ?? 0, below ?? 0];
  header.push(scheduleTimeout ?? 0, labels ?? 0, retention ?? 0);
  while (header.length > 1 && header.at(-1) === 0) header.pop();
  const lead = success || error ? '*' : below ? '@' : '';
  const nested = success || error ? successCallbacks.join('') + errorCallbacks.join('') : '';
  return `${lead}${JSON.stringify(header)}\n${nested}${data === '{}' ? '' : data}`;
}

/** The opposite of {@link packSpec}. */
export function unpackSpec(packed: string): Spec {
  const { spec, success, error, end } = readHeader(packed);
  let data = packed.slice(end + 1);
  if (success || error) {
    const [nested, rest] = takeTexts(data, [...(success || []), ...(error || [])]);
    if (success) spec.successCallbacks = nested.slice(0, success.length);
    if (error) spec.errorCallbacks = nested.slice(success ? success.length : 0);
    data = rest;
  }
  if (data === dropped) spec.dropped = true;
  else if (data) spec.data = data;
  return spec;
}

/** Unpacks the header of a packed signature, without its callbacks and bound data. These may be missing. */
export function unpackHead(packed: string): Spec {
  return readHeader(packed).spec;
}

// The scripts leave this text in place of deleted bound data.
const dropped = '-';

function readHeader(packed: string) {
  const end = packed.indexOf('\n');
  const [task, id, name, options, success, error, group, below, scheduleTimeout, labels, retention] = JSON.parse(
    packed.slice(/^[*@]/.test(packed) ? 1 : 0, end),
  ) as Header;
  const spec: Spec = {
    task,
    ...(id ? { id } : {}),
    ...(name ? { name } : {}),
    ...(options ? { options } : {}),
    ...(group ? { group } : {}),
    ...(below ? { below } : {}),
    ...(scheduleTimeout ? { scheduleTimeout } : {}),
    ...(labels ? { labels } : {}),
    ...(retention ? { retention } : {}),
  };
  return { spec, success, error, end };
}

type TemplateHeader = Omit<GroupTemplate, 'items' | 'successCallbacks' | 'errorCallbacks'> & {
  items: number[];
  successCallbacks: number[];
  errorCallbacks: number[];
};

/** Packs a chain or swarm as the data of its signature, in the format of {@link packSpec}. */
export function packTemplate({ items, successCallbacks, errorCallbacks, ...rest }: GroupTemplate): string {
  const header: TemplateHeader = {
    ...rest,
    items: items.map(bytesOf),
    successCallbacks: successCallbacks.map(bytesOf),
    errorCallbacks: errorCallbacks.map(bytesOf),
  };
  return `${JSON.stringify(header)}\n${items.join('')}${successCallbacks.join('')}${errorCallbacks.join('')}`;
}

/** The opposite of {@link packTemplate}. */
export function unpackTemplate(data: string): GroupTemplate {
  const end = data.indexOf('\n');
  const header = JSON.parse(data.slice(0, end)) as TemplateHeader;
  const { items, successCallbacks, errorCallbacks } = header;
  const [texts] = takeTexts(data.slice(end + 1), [...items, ...successCallbacks, ...errorCallbacks]);
  const callbacksFrom = items.length;
  const errorsFrom = callbacksFrom + successCallbacks.length;
  return {
    ...header,
    items: texts.slice(0, callbacksFrom),
    successCallbacks: texts.slice(callbacksFrom, errorsFrom),
    errorCallbacks: texts.slice(errorsFrom),
  };
}

function bytesOf(text: string): number {
  return Buffer.byteLength(text);
}

/** Splits texts of the given sizes in bytes off the beginning of a text, and returns them with the rest. */
function takeTexts(text: string, sizes: readonly number[]): [texts: string[], rest: string] {
  // Most texts have one byte per character, so they can be cut without a buffer.
  const bytes = bytesOf(text) === text.length ? undefined : Buffer.from(text);
  const cut = (from: number, to?: number) => (bytes ? bytes.toString('utf8', from, to) : text.slice(from, to));
  let at = 0;
  const texts = sizes.map((size) => cut(at, (at += size)));
  return [texts, cut(at)];
}

/** A fired callback: its list, the entry (or 'g' for the group) whose end fired it, and its spec. */
export interface InvokedCallback {
  kind: 'success' | 'error';
  source: string;
  spec: Spec;
}

/** Unpacks a fired callback as the scripts store it. */
export function unpackCallback(packed: string): InvokedCallback {
  const end = packed.indexOf('\n');
  const [kind, source] = packed.slice(0, end).split(' ') as ['success' | 'error', string];
  return { kind, source, spec: unpackSpec(packed.slice(end + 1)) };
}

/** Parses a stored message. Without stored text the message is empty. */
export function parseMessage(text: string | null | undefined): Message {
  return text ? (JSON.parse(text) as Message) : {};
}

/** Packs the own message of an item, and the run options if any were given. */
export function packMessage(message: string, options: StoredRunOptions | undefined): string {
  return options ? `*${JSON.stringify(options)}\n${message}` : message;
}

/** The own message of a nested swarm that one of its items has started: the swarm starts without a message. */
export const startWithoutMessage = '-';

/** The first character of an own message that a retry has replaced. A nested group that exists already receives it too. */
const replaced = '+';

/** Packs the own message of an item that is a group, for a retry with another message. */
export function packReplacement(message: string, options: StoredRunOptions | undefined): string {
  return replaced + packMessage(message, options);
}

/** The opposite of {@link packMessage} and {@link packReplacement}. */
export function unpackMessage(packed: string): { message: string; options?: StoredRunOptions; isReplaced?: true } {
  if (packed.startsWith(replaced)) return { ...unpackMessage(packed.slice(1)), isReplaced: true };
  if (!packed.startsWith('*')) return { message: packed };
  const end = packed.indexOf('\n');
  return { message: packed.slice(end + 1), options: JSON.parse(packed.slice(1, end)) as StoredRunOptions };
}

/** Returns the packed callbacks of a stored signature. A group stored by value has them in its template. */
export function callbacksOf(spec: Pick<Spec, 'successCallbacks' | 'errorCallbacks' | 'group' | 'data'>): string[] {
  const { successCallbacks, errorCallbacks } = templateIn(spec) ?? { successCallbacks: [], errorCallbacks: [] };
  return [...(spec.successCallbacks ?? []), ...(spec.errorCallbacks ?? []), ...successCallbacks, ...errorCallbacks];
}

/** Returns the ids of the callbacks of a stored signature, at any depth. */
export function callbackIds(spec: Parameters<typeof callbacksOf>[0]): string[] {
  return callbacksOf(spec).flatMap((packed) => {
    const callback = unpackSpec(packed);
    return [...(callback.id ? [callback.id] : []), ...callbackIds(callback)];
  });
}

/** Returns the template of a group stored by value; undefined for other specs, and when its data were deleted. */
export function templateIn({ group, data }: Pick<Spec, 'group' | 'data'>): GroupTemplate | undefined {
  return (group === 'chain' || group === 'swarm') && data ? unpackTemplate(data) : undefined;
}

/**
 * Returns the properties with which a group stored by value is created.
 *
 * @param options - of its run; they win over those of the template
 * @throws TypeError when the spec has no template
 */
export function templateGroup(spec: Spec, options: StoredRunOptions | undefined) {
  const template = templateIn(spec);
  if (!template) throw new TypeError(`"${spec.task}" is stored without its template.`);
  const { options: own, ...group } = template;
  const merged = mergeRunOptions(own, options);
  const { labels, retention } = spec;
  return {
    ...group,
    ...(merged ? { options: JSON.stringify(merged) } : {}),
    ...(labels ? { labels } : {}),
    ...(retention ? { retention } : {}),
  };
}
