import type { InputSchema } from './parsing';

/** One instance's wrapper around a body, for the wrappers around it. */
export interface Layer {
  body: object;
  schema: InputSchema | undefined;
  isClosed: () => boolean;
}

// Symbol.for makes the key the same in every copy of the package in this process.
const layerKey = Symbol.for('mageflow/layer');

function layerOf(body: object): Layer | undefined {
  return (body as { [layerKey]?: Layer })[layerKey];
}

/** Marks a function as the wrapper of a body. */
export function asLayer<W extends object>(wrapper: W, layer: Layer): W {
  return Object.defineProperty(wrapper, layerKey, { value: layer });
}

/** Returns a body without its outermost wrappers of closed instances, and the schema with which those parsed its input. */
export function withoutClosed<B extends object>(body: B): { body: B; schema: InputSchema | undefined } {
  let left = body;
  let schema: InputSchema | undefined;
  for (let layer = layerOf(left); layer?.isClosed(); layer = layerOf(left)) {
    schema ??= layer.schema;
    left = layer.body as B;
  }
  return { body: left, schema };
}

/** Returns whether an open instance wraps a body, at any depth. */
export function isWrapped(body: object): boolean {
  for (let layer = layerOf(body); layer; layer = layerOf(layer.body)) if (!layer.isClosed()) return true;
  return false;
}

/** Returns a body without any wrapper. */
export function innermost<B extends object>(body: B): B {
  let left = body;
  for (let layer = layerOf(left); layer; layer = layerOf(left)) left = layer.body as B;
  return left;
}
