import { describe, InvalidMessageError } from '../config/errors';
import { wellFormedJson } from './text';

/** A plain object, as a message is. */
export type Message = Record<string, unknown>;

/** The limit of one run's input or output, with room for the rest of the request (the engine's limit is 4 MiB). */
export const engineLimitBytes = 4 * 1024 * 1024 - 64 * 1024;

const forbidden = new Set(['__proto__', 'constructor', 'prototype']);
const maxDepth = 500;

/**
 * Turns a value into JSON text. Refuses values that JSON would lose or the engine would refuse. Makes ill-formed text
 * well-formed.
 * @param value - a user's value
 * @param what - its name in an error
 * @throws InvalidMessageError naming the path, the expected value and the given one
 */
export function encodeJson(value: unknown, what: string): string {
  check(value, what, 0, []);
  return wellFormedJson(JSON.stringify(value) ?? 'null', what);
}

/**
 * As {@link encodeJson}, for a message or bound data: one object below the engine's limit.
 * @throws InvalidMessageError also for arrays, primitives and values above the engine's limit
 */
export function encodeMessage(value: unknown, what: string): string {
  if (!isPlainObject(value)) {
    throw new InvalidMessageError(
      `${what} must be a plain object, got ${describe(value)}. Put the value into a field of an object.`,
    );
  }
  const text = encodeJson(value, what);
  const bytes = Buffer.byteLength(text);
  if (bytes > engineLimitBytes) {
    throw new InvalidMessageError(
      `${what} is ${bytes} bytes, more than the engine's limit of ${engineLimitBytes} bytes for one run. ` +
        `Store the payload elsewhere and send where it is.`,
    );
  }
  return text;
}

const countedFrom = 1000;

/**
 * Returns an upper bound for the bytes of a text. Exact for long texts only; for short ones counting is not worth its cost.
 */
export function bytesOf(text: string): number {
  // A UTF-16 code unit takes three bytes at most.
  return text.length < countedFrom ? text.length * 3 : Buffer.byteLength(text);
}

/** Returns whether a value is an object made by a literal, `JSON.parse` or `Object.create(null)`. */
export function isPlainObject(value: unknown): value is Message {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  // Objects of another realm (a vm context, as test runners use) have another Object.prototype.
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function check(value: unknown, path: string, depth: number, ancestors: object[]): void {
  if (value === null || value === undefined || typeof value === 'boolean') return;
  if (typeof value === 'string') return checkText(value, path);
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) refuse(path, 'a finite number', value);
    return;
  }
  const toJson = (value as { toJSON?: unknown }).toJSON;
  // This includes BigInts: JSON.stringify calls a toJSON that a program has added to them, and outputs travel that way.
  const converts = typeof toJson === 'function';
  if (typeof value !== 'object' && !converts) return refuse(path, 'a JSON value', value);
  if (ancestors.includes(value as object)) refuse(path, 'JSON without cycles', 'a cycle');
  if (depth > maxDepth) refuse(path, `at most ${maxDepth} levels of nesting`, 'more');
  if (converts) return check((toJson as (key: string) => unknown).call(value, ''), path, depth + 1, ancestors);
  ancestors.push(value as object);
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) check(value[i], `${path}[${i}]`, depth + 1, ancestors);
  } else {
    if (!isPlainObject(value)) refuse(path, 'a plain object (or one with toJSON)', value);
    for (const key of Object.keys(value)) {
      checkKey(key, path);
      check(value[key], `${path}.${key}`, depth + 1, ancestors);
    }
  }
  ancestors.pop();
}

function checkKey(key: string, path: string): void {
  if (forbidden.has(key)) {
    throw new InvalidMessageError(
      `${path} has a key named ${JSON.stringify(key)}, which could reach an object's prototype. Rename it.`,
    );
  }
  checkText(key, `a key of ${path}`);
}

function checkText(text: string, path: string): void {
  if (text.includes('\0')) {
    throw new InvalidMessageError(
      `${path} contains a NUL character (\\u0000), which the engine refuses. Remove it or encode the bytes.`,
    );
  }
}

function refuse(path: string, expected: string, came: unknown): never {
  throw new InvalidMessageError(
    `${path}: expected ${expected}, got ${typeof came === 'string' ? came : describe(came)}.`,
  );
}
