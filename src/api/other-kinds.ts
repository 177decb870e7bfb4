import { ConfigurationError } from '../config/errors';
import type { AnySignature } from './types';

const progress = 'Use its status(), or mage.describe(id), which lists everything in it';
const results = 'Use its wait(), or mage.describe(id, { output: true })';
const adding = 'Load the swarm that you want to add tasks to';

/**
 * The methods that only some kinds have, and what to use instead. A loaded id may be of another kind than its user expects.
 */
const methods: Record<string, { of: string; instead: string; isIterable?: boolean }> = {
  progress: { of: 'a swarm', instead: progress },
  watch: { of: 'a swarm', instead: progress, isIterable: true },
  results: { of: 'a swarm', instead: results, isIterable: true },
  runSettled: { of: 'a swarm', instead: 'Use its run()' },
  addTask: { of: 'a swarm', instead: adding },
  addTasks: { of: 'a swarm', instead: adding },
  closeSwarm: { of: 'a swarm', instead: 'Load the swarm by its own id' },
  update: { of: 'a swarm', instead: 'Load the swarm by its own id' },
  retryFailed: {
    of: 'a swarm or chain',
    instead: 'Sign the task again, or load the swarm or chain that it belongs to',
  },
  children: { of: 'a root task', instead: 'Use mage.describe(id), which lists everything in it' },
};

/** Adds the methods that a class lacks. They throw an error with the kind of the signature, and what to use instead. */
export function nameKindIn(prototype: object): void {
  for (const [name, { isIterable }] of Object.entries(methods)) {
    if (name in prototype) continue;
    const refuse = function (this: AnySignature) {
      const error = wrongKind(this, name);
      if (isIterable) throw error;
      return Promise.reject(error);
    };
    Object.defineProperty(prototype, name, { value: refuse, configurable: true, writable: true });
  }
}

/** Returns the error for a method that a signature of this kind does not have. */
export function wrongKind({ id, kind, name }: AnySignature, method: string): ConfigurationError {
  const { of = '', instead = '' } = methods[method] ?? {};
  return new ConfigurationError(
    `${method}: ${id} is the ${kind} "${name}", and only ${of} has ${method}(). ${instead}.`,
  );
}
