import * as mageflow from '../../src';
import { describe as describeValue } from '../../src/config/errors';

const classes = {
  ConfigurationError: 'CONFIGURATION',
  InvalidMessageError: 'INVALID_MESSAGE',
  NotFoundError: 'NOT_FOUND',
  AlreadyStartedError: 'ALREADY_STARTED',
  SwarmClosedError: 'SWARM_CLOSED',
  SwarmFinishedError: 'SWARM_FINISHED',
  CancelledError: 'CANCELLED',
  TaskFailedError: 'TASK_FAILED',
  StoreError: 'STORE',
  StoreFormatError: 'STORE_FORMAT',
  WaitTimeoutError: 'TIMEOUT',
  ClosedError: 'CLOSED',
} as const;
type Name = keyof typeof classes;

function make(from: typeof mageflow, name: Name): mageflow.MageflowError {
  if (name === 'TaskFailedError') return new from.TaskFailedError('why', []);
  return new from[name]('why');
}

/** A format that is too new is an error of the store, so that work is tried again by a newer process. */
function isKindOf(name: Name, other: Name): boolean {
  return name === other || (name === 'StoreFormatError' && other === 'StoreError');
}

function anotherCopy(): typeof mageflow {
  let copy: typeof mageflow | undefined;
  jest.isolateModules(() => {
    copy = jest.requireActual<typeof mageflow>('../../src');
  });
  if (!copy) throw new Error('not loaded');
  return copy;
}

describe.each(Object.keys(classes) as Name[])('%s', (name) => {
  test('has its own name and code, and is a MageflowError and an Error', () => {
    const error = make(mageflow, name);
    expect(error).toMatchObject({ name, code: classes[name], message: 'why' });
    expect(error instanceof mageflow[name]).toBe(true);
    expect(error instanceof mageflow.MageflowError).toBe(true);
    expect(error instanceof Error).toBe(true);
  });

  test('is no instance of the others', () => {
    const others = (Object.keys(classes) as Name[]).filter((other) => other !== name && !isKindOf(name, other));
    for (const other of others) expect(make(mageflow, name) instanceof mageflow[other]).toBe(false);
  });

  test('is recognised by another copy of the package, both ways', () => {
    const copy = anotherCopy();
    expect(copy[name]).not.toBe(mageflow[name]);
    expect(make(copy, name) instanceof mageflow[name]).toBe(true);
    expect(make(mageflow, name) instanceof copy[name]).toBe(true);
    expect(make(copy, name) instanceof mageflow.MageflowError).toBe(true);
    expect(
      make(copy, name) instanceof (isKindOf(name, 'StoreError') ? mageflow.NotFoundError : mageflow.StoreError),
    ).toBe(false);
  });
});

test('instanceof says no to everything else', () => {
  for (const value of [new Error('x'), null, undefined, 'x', {}, { name: 'StoreError', code: 'STORE' }])
    expect((value as unknown) instanceof mageflow.MageflowError).toBe(false);
});

test("a user's own subclass is what it extends", () => {
  class Mine extends mageflow.ConfigurationError {}
  expect(new Mine('x') instanceof Mine).toBe(true);
  expect(new Mine('x') instanceof mageflow.ConfigurationError).toBe(true);
  expect(new mageflow.ConfigurationError('x') instanceof Mine).toBe(false);
});

test('errors carry what belongs to them', () => {
  const failures = [{ id: 'a', name: 'b', message: 'c' }];
  expect(new mageflow.TaskFailedError('x', failures).failures).toBe(failures);
  expect(new mageflow.SwarmClosedError('x', 3).added).toBe(3);
  expect(new mageflow.SwarmFinishedError('x').added).toBe(0);
  const cause = new Error('ECONNREFUSED');
  expect(new mageflow.StoreError('x', { cause }).cause).toBe(cause);
});

test.each<[unknown, string]>([
  ['short', '"short"'],
  ['x'.repeat(100), 'a string of 100 characters'],
  [[1, 2], 'an array of 2'],
  [{}, 'an object'],
  [Object.create(null), 'an object'],
  [new Date(), 'an instance of Date'],
  [() => 1, 'a function'],
  [5n, '5n'],
  [null, 'null'],
])('describe is short, and never the whole value: %p', (value, text) => {
  expect(describeValue(value)).toBe(text);
});
