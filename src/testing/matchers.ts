import { inspect } from 'node:util';
import type { AnyDeclaration } from '../api/types';
import { refuseUnknown } from '../config/options';
import { ConfigurationError, describe } from '../config/errors';
import { isPlainObject } from '../messages/json';
import { taskNameOf, type TestKit } from './kit';
import type { KitRun } from './kit-runs';

/** What `toHaveRunSwarm` may expect of a swarm. */
export interface ExpectedSwarm {
  /** How many items it has. */
  items?: number | undefined;
  /** How many of them have failed. */
  failed?: number | undefined;
  /** At most how many were seen running at once. */
  maxConcurrency?: number | undefined;
}

/** The matchers that `expect.extend(matchers)` adds. */
export interface MageflowMatchers<R = unknown> {
  /**
   * Expects that a kit has run a task.
   * @param input - what its input has at least; asymmetric matchers of the runner may stand anywhere
   * @example
   * expect(kit).toHaveRun(importFile, { path: 'a.csv' });
   */
  toHaveRun(task: AnyDeclaration | string, input?: unknown): R;
  /**
   * Expects that a kit has run a swarm of a name.
   * @example
   * await expect(kit).toHaveRunSwarm('nightly import', { items: 100, failed: 10, maxConcurrency: 5 });
   */
  toHaveRunSwarm(name: string, expected?: ExpectedSwarm): Promise<R>;
  /** Expects that no run of a kit waits or goes on. */
  toBeIdle(): R;
}

type Equals = (this: void, a: unknown, b: unknown) => boolean;

/** What jest and vitest call a matcher with. */
interface MatcherState {
  equals?: (a: unknown, b: unknown) => boolean;
}

interface MatcherResult {
  pass: boolean;
  message: () => string;
}

/** At most how many runs a message shows. */
const mostShown = 10;
/** How much of a value it shows, in characters. */
const longestShown = 200;

/**
 * Matchers for jest and vitest.
 * @example
 * import { matchers } from 'mageflow/testing';
 * expect.extend(matchers);
 */
export const matchers = {
  toHaveRun(this: MatcherState, received: unknown, task: AnyDeclaration | string, input?: unknown): MatcherResult {
    const kit = kitOf('toHaveRun', received);
    const name = taskNameOf(task);
    const runs = kit.runsOf(task);
    const equals = equalsOf(this);
    const differences = runs.map((run) =>
      input === undefined ? [] : differencesOf('input', run.input, input, equals),
    );
    const pass = differences.some((found) => found.length === 0);
    const expected = `a run of ${name}${input === undefined ? '' : ` with the input ${show(input)}`}`;
    const message = () => {
      if (pass) return `Expected no run of ${expected.slice('a run of '.length)}.\n${shown(`Runs of ${name}`, runs)}`;
      if (runs.length === 0)
        return `Expected ${expected}, and ${name} has not run.\n${shown('There were', kit.runsOf())}`;
      const nearest = differences.toSorted((a, b) => a.length - b.length)[0] ?? [];
      return `Expected ${expected}.\nThe nearest run differs: ${nearest.join('; ')}.\n${shown(`Runs of ${name}`, runs)}`;
    };
    return { pass, message };
  },

  async toHaveRunSwarm(received: unknown, name: string, expected: ExpectedSwarm = {}): Promise<MatcherResult> {
    const kit = kitOf('toHaveRunSwarm', received);
    refuseUnknown(expected, new Set(['items', 'failed', 'maxConcurrency']), 'field of toHaveRunSwarm');
    const swarms = (await kit.mage.list({ kind: 'swarm', limit: 1_000 })).items.filter(
      ({ status }) => status !== 'pending',
    );
    const named = await Promise.all(
      swarms.filter((swarm) => swarm.name === name).map(async ({ id }) => seenOf(kit, id, expected)),
    );
    const pass = named.some(({ differences }) => differences.length === 0);
    const message = () => {
      const about = `a swarm "${name}"${Object.keys(expected).length > 0 ? ` with ${show(expected)}` : ''}`;
      if (pass) return `Expected no run of ${about}.`;
      if (named.length === 0) {
        const names = [...new Set(swarms.map((swarm) => `"${swarm.name}"`))].slice(0, mostShown);
        return `Expected a run of ${about}. Swarms that have run: ${names.join(', ') || 'none'}.`;
      }
      const nearest = named.toSorted((a, b) => a.differences.length - b.differences.length)[0];
      return `Expected a run of ${about}.\nThe nearest swarm, ${nearest?.id ?? ''}, differs: ${nearest?.differences.join('; ') ?? ''}.`;
    };
    return { pass, message };
  },

  toBeIdle(received: unknown): MatcherResult {
    const kit = kitOf('toBeIdle', received);
    const pass = kit.isIdle();
    const open = kit.runsOf().filter(({ status }) => status === 'queued' || status === 'running');
    const message = () =>
      pass ? 'Expected that a run waits or goes on, and none does.' : `Expected no open run.\n${shown('Open', open)}`;
    return { pass, message };
  },
};

async function seenOf(kit: TestKit, id: string, { items, failed, maxConcurrency }: ExpectedSwarm) {
  const progress = await kit.mage.progress(id);
  const most = kit.maxConcurrencySeen(id);
  const differences: string[] = [];
  if (items !== undefined && progress.total !== items)
    differences.push(`items: expected ${items}, got ${progress.total}`);
  if (failed !== undefined && progress.failed !== failed)
    differences.push(`failed: expected ${failed}, got ${progress.failed}`);
  if (maxConcurrency !== undefined && most > maxConcurrency)
    differences.push(`maxConcurrency: expected at most ${maxConcurrency} at once, got ${most}`);
  return { id, differences };
}

function kitOf(matcher: string, received: unknown): TestKit {
  // By its shape: the kit of a setup file may be of the other copy of the package, ES module or CommonJS.
  if (typeof (Object(received) as Partial<TestKit>).callbacksOf === 'function') return received as TestKit;
  throw new ConfigurationError(`${matcher}: expected a kit of createTestKit, got ${describe(received)}.`);
}

function equalsOf({ equals }: MatcherState): (a: unknown, b: unknown) => boolean {
  return equals ?? ((a, b) => Object.is(a, b));
}

/** Returns where a value lacks something that is expected of it. */
function differencesOf(path: string, received: unknown, expected: unknown, equals: Equals): string[] {
  if (isPlainObject(expected) && isPlainObject(received))
    return Object.entries(expected).flatMap(([field, value]) =>
      differencesOf(`${path}.${field}`, received[field], value, equals),
    );
  return equals(received, expected) ? [] : [`${path}: expected ${show(expected)}, got ${show(received)}`];
}

/** Returns a value as text. An asymmetric matcher says itself what it is. */
function show(value: unknown): string {
  const text = inspect(value, { depth: 4, breakLength: Infinity });
  return text.length > longestShown ? `${text.slice(0, longestShown)}...` : text;
}

function shown(title: string, runs: readonly KitRun[]): string {
  const lines = runs.slice(0, mostShown).map(lineOf);
  if (runs.length > mostShown) lines.push(`  and ${runs.length - mostShown} more`);
  return `${title}: ${runs.length === 0 ? 'no runs.' : `\n${lines.join('\n')}`}`;
}

function lineOf({ task, status, input, error }: KitRun): string {
  return `  ${task} (${status}) ${show(input)}${error === undefined ? '' : `: ${error}`}`;
}
