import type { ConfigChange } from '../config/swarm-config';
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
 * Packed as a header, a line end, and its callbacks, which outlive the end of the item, and the bound data, which doesn't.
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
  /** Whether what was bound to it has been let go: it was an item of a large group, and has succeeded. */
  dropped?: true;
  /**
   * What it is when it is no plain task: a root; a chain or a swarm stored by value, which comes to be when it gets its
   * slot; a swarm that is there already under its id.
   */
  group?: 'root' | 'chain' | 'swarm' | 'swarm-ref';
  /** Groups that exist already and belong below it; its parent keeps them, cancels them and forgets them. */
  below?: string[];
  /** For how long its run may wait for a worker, where its declaration says so: '5m'. */
  scheduleTimeout?: string;
}

/** Whether what a spec stands for is a group, whose own items are runs of the engine. */
export function isGroup({ group }: Pick<Spec, 'group'>): boolean {
  return group !== undefined && group !== 'root';
}

/** A chain or swarm by value: packed, the data of its {@link Spec}. */
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
  scheduleTimeout?: string,
];

/**
 * Packs a signature into one text. What leads it tells the scripts what to look for: `*` callbacks of an entry, `@` groups
 * below it (a group has its callbacks itself, so it is never both).
 *
 * What is nested stands in it as it is, and the header says how many bytes each has: texts in texts in JSON would double with
 * each level.
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
  } = spec;
  const success = successCallbacks.length > 0 ? successCallbacks.map(bytesOf) : 0;
  const error = errorCallbacks.length > 0 ? errorCallbacks.map(bytesOf) : 0;
  const header: Header = [task, id ?? 0, name ?? 0, options ?? 0, success, error, group ?? 0, below ?? 0];
  if (scheduleTimeout) header.push(scheduleTimeout);
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

/** What leads a packed signature, whether the rest is there or not: without its callbacks and what is bound to it. */
export function unpackHead(packed: string): Spec {
  return readHeader(packed).spec;
}

// What the scripts leave in place of what was bound.
const dropped = '-';

function readHeader(packed: string) {
  const end = packed.indexOf('\n');
  const [task, id, name, options, success, error, group, below, scheduleTimeout] = JSON.parse(
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
  };
  return { spec, success, error, end };
}

type TemplateHeader = Omit<GroupTemplate, 'items' | 'successCallbacks' | 'errorCallbacks'> & {
  items: number[];
  successCallbacks: number[];
  errorCallbacks: number[];
};

/** Packs a chain or swarm as the data of its signature, as {@link packSpec} does it. */
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

/** Takes texts of so many bytes off the beginning of one, and gives the rest. */
function takeTexts(text: string, sizes: readonly number[]): [texts: string[], rest: string] {
  // In most, a character is a byte.
  const bytes = bytesOf(text) === text.length ? undefined : Buffer.from(text);
  const cut = (from: number, to?: number) => (bytes ? bytes.toString('utf8', from, to) : text.slice(from, to));
  let at = 0;
  const texts = sizes.map((size) => cut(at, (at += size)));
  return [texts, cut(at)];
}

/** A fired callback: which list it came from, whose end fired it (an entry, or 'g' for the group), and what runs. */
export interface InvokedCallback {
  kind: 'success' | 'error';
  source: string;
  spec: Spec;
}

/** Reads what the scripts store for a fired callback. */
export function unpackCallback(packed: string): InvokedCallback {
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
  const { successCallbacks, errorCallbacks } = templateIn(spec) ?? { successCallbacks: [], errorCallbacks: [] };
  return [...(spec.successCallbacks ?? []), ...(spec.errorCallbacks ?? []), ...successCallbacks, ...errorCallbacks];
}

/** The ids of the callbacks that a stored signature carries, at any depth. */
export function callbackIds(spec: Parameters<typeof callbacksOf>[0]): string[] {
  return callbacksOf(spec).flatMap((packed) => {
    const callback = unpackSpec(packed);
    return [...(callback.id ? [callback.id] : []), ...callbackIds(callback)];
  });
}

/** What a group that is stored by value will be; undefined for anything else, and when it has been. */
export function templateIn({ group, data }: Pick<Spec, 'group' | 'data'>): GroupTemplate | undefined {
  return (group === 'chain' || group === 'swarm') && data ? unpackTemplate(data) : undefined;
}

/** What a group that is stored by value is made with. @param options - of its run, over those of the template */
export function templateGroup(spec: Spec, options: StoredRunOptions | undefined) {
  const template = templateIn(spec);
  if (!template) throw new TypeError(`"${spec.task}" is stored without what it is made of.`);
  const { options: own, ...group } = template;
  const merged = mergeRunOptions(own, options);
  return { ...group, ...(merged ? { options: JSON.stringify(merged) } : {}) };
}
