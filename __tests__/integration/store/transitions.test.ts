import { claimToken } from '../../../src/store/executions';
import { edgesIn } from '../../helpers/lua';
import {
  execution,
  failed,
  StoreFixture,
  succeeded,
  threw,
  type TestGroup,
  endLog,
  regrant as takeOver,
} from '../../helpers/store';

const fixture = new StoreFixture();
afterAll(() => fixture.close());

interface Subject {
  group: TestGroup;
  entry: string;
}

const states = ['waiting', 'queued', 'granted', 'published', 'running', 'succeeded', 'failed', 'cancelled'] as const;
type State = (typeof states)[number];

/** A group of its own with an item in a state. The group stays open, so that it doesn't end with its item. */
async function itemThatIs(state: State): Promise<Subject> {
  if (state === 'waiting') return { group: await fixture.group(1), entry: '0' };
  if (state === 'queued') {
    return { group: await fixture.group(2, { maxConcurrency: 1 }, { message: '{}' }), entry: '1' };
  }
  const group = await fixture.group(1, {}, { message: '{}' });
  const subject = { group, entry: '0' };
  if (state === 'granted') return subject;
  if (state === 'cancelled') {
    await group.store.complete(group.id, '0', '', { outcome: 'cancelled', payload: '' });
    return subject;
  }
  await group.store.confirm(group.id, ['0', 'own']);
  if (state === 'published') return subject;
  await group.start('0', execution('own'));
  if (state === 'running') return subject;
  await group.finish('0', state === 'succeeded' ? succeeded() : failed(), execution('own'));
  return subject;
}

async function regrant({ group, entry }: Subject, change: Partial<{ state: string; process: string; runId: string }>) {
  const packed = await fixture.redis.hget(group.store.keys.active(group.id), entry);
  const [state = 'granted', runId = '', , , , process = group.store.process] = packed?.split('|') ?? [];
  const due = { entry, state, runId, process, publications: 1, ...change };
  return (await takeOver(group.store, group.id, due)).code;
}

/** Every script that can reach an item, each with what a rightful and a wrong caller would send. */
const actions: Record<string, (subject: Subject) => Promise<unknown>> = {
  runItem: async ({ group, entry }) => (await group.store.runItem(group.id, Number(entry), '{}')).code,
  run: async ({ group }) => (await group.store.run(group.id, '{}')).code,
  grant: async ({ group }) => (await group.store.grant(group.id)).code,
  close: async ({ group }) => (await group.store.close(group.id)).code,
  add: async ({ group }) => (await group.store.add(group.id, [], { run: true })).code,
  'start by its run': async ({ group, entry }) => (await group.start(entry, execution('own'))).code,
  'start by another run': async ({ group, entry }) => (await group.start(entry, execution('other'))).code,
  'start with a forged token': async ({ group, entry }) =>
    (await group.store.start(group.id, entry, execution('own'), { token: claimToken('guessed', entry) })).code,
  'finish by its run': async ({ group, entry }) => (await group.finish(entry, succeeded(), execution('own'))).code,
  'finish by another run': async ({ group, entry }) =>
    (await group.finish(entry, succeeded(), execution('other'))).code,
  'finish by another execution': async ({ group, entry }) =>
    (await group.finish(entry, succeeded(), execution('own', 0, 1, 'other nonce'))).code,
  'throw with retries left': async ({ group, entry }) => (await group.finish(entry, threw(1), execution('own'))).code,
  'last throw': async ({ group, entry }) => (await group.finish(entry, threw(0), execution('own'))).code,
  'settle its run': async ({ group, entry }) =>
    (await group.store.complete(group.id, entry, 'own', { outcome: 'failed', payload: '{"message":"no"}' })).code,
  'settle another run': async ({ group, entry }) =>
    (await group.store.complete(group.id, entry, 'other', { outcome: 'failed', payload: '{"message":"no"}' })).code,
  'settle what was never published': async ({ group, entry }) =>
    (await group.store.complete(group.id, entry, '', { outcome: 'failed', payload: '{"message":"no"}' })).code,
  confirm: async ({ group, entry }) => (await group.store.confirm(group.id, [entry, 'confirmed'])).code,
  regrant: (subject) => regrant(subject, {}),
  'regrant of what another process holds': (subject) => regrant(subject, { process: 'other' }),
  'regrant of another run': (subject) => regrant(subject, { runId: 'other' }),
  'regrant of another state': (subject) => regrant(subject, { state: 'somewhere' }),
  'withdraw while suspended': async ({ group, entry }) => {
    await group.store.suspend(group.id, true);
    return (await group.store.withdraw(group.id, [entry])).code;
  },
  'withdraw while not suspended': async ({ group, entry }) => (await group.store.withdraw(group.id, [entry])).code,
  retry: async ({ group }) => (await group.store.retry(group.id, undefined)).code,
  renew: ({ group, entry }) => group.store.renew(group.id, [entry], 1000),
};

// Suspended is how a queued or waiting item of a suspended group is shown; its state stays.
type Expected = Record<string, [code: string | undefined, next: State | 'suspended']>;

const nothing = (state: State, codes: Record<string, string> = {}): Expected =>
  Object.fromEntries(
    Object.keys(actions).map((name) => {
      const given = codes[name];
      if (given) return [name, [given, state]];
      if (name === 'runItem' || name === 'run') return [name, ['already-started', state]];
      if (name === 'grant') return [name, ['granted', state]];
      if (name === 'close') return [name, ['closed', state]];
      if (name === 'add') return [name, ['added', state]];
      if (name === 'confirm') return [name, ['confirmed', state]];
      if (name.startsWith('withdraw')) return [name, ['withdrawn', state]];
      if (name === 'retry') return [name, ['unfinished', state]];
      if (name === 'renew') return [name, [undefined, state]];
      if (name === 'start with a forged token') return [name, ['unknown', state]];
      if (name.startsWith('start')) return [name, ['stored', state]];
      return [name, ['refused', state]];
    }),
  );

const held: Expected = { 'withdraw while suspended': ['withdrawn', 'suspended'] };

const expected: Record<State, Expected> = {
  waiting: {
    ...nothing('waiting', { 'start by its run': 'cancelled', 'start by another run': 'cancelled' }),
    ...held,
    runItem: ['started', 'granted'],
    run: ['started', 'granted'],
  },
  queued: { ...nothing('queued', { 'start by its run': 'requeued', 'start by another run': 'requeued' }), ...held },
  granted: {
    ...nothing('granted'),
    'start by its run': ['run', 'running'],
    'start by another run': ['run', 'running'],
    'settle its run': ['ended', 'failed'],
    'settle another run': ['ended', 'failed'],
    'settle what was never published': ['ended', 'failed'],
    confirm: ['confirmed', 'published'],
    regrant: ['granted', 'granted'],
  },
  published: {
    ...nothing('published'),
    'start by its run': ['run', 'running'],
    'start by another run': ['run', 'running'],
    'settle its run': ['ended', 'failed'],
    ...held,
    regrant: ['granted', 'granted'],
  },
  running: {
    ...nothing('running'),
    'start by its run': ['run', 'running'],
    'start by another run': ['duplicate', 'running'],
    'finish by its run': ['ended', 'succeeded'],
    'throw with retries left': ['retry', 'running'],
    'last throw': ['ended', 'failed'],
    'settle its run': ['ended', 'failed'],
  },
  succeeded: nothing('succeeded'),
  failed: nothing('failed'),
  cancelled: nothing('cancelled'),
};

/** The counters, and what they must be for an item in a state. */
async function counters({ group, entry }: Subject) {
  const { st, cl, mv, ...numbers } = await group.stateHash();
  const state = await group.state(entry);
  const others = entry === '1' ? 1 : 0;
  const held = ['granted', 'published', 'running'].includes(state ?? '') ? 1 : 0;
  expect([Number(numbers['sl'] ?? 0), Number(numbers['ok'] ?? 0), Number(numbers['ko'] ?? 0)]).toEqual([
    held + others,
    state === 'succeeded' ? 1 : 0,
    state === 'failed' ? 1 : 0,
  ]);
  expect(Number(numbers['cx'] ?? 0)).toBe(state === 'cancelled' ? 1 : 0);
  const ends = await endLog(group.store, group.id, 0, 10);
  expect(ends).toEqual(['succeeded', 'failed', 'cancelled'].includes(state ?? '') ? [Number(entry)] : []);
  // A suspension of the whole group may change without its item changing.
  // Runs that count no more are noted, and when something last happened.
  const { en: _ended, rt: _forgotten, fl: _flags, pr: _progress, sv: _word, ...rest } = numbers;
  return { whole: { st, cl, mv }, rest };
}

describe.each(states)('an item that is %s', (state) => {
  test.each(Object.keys(actions))('%s', async (name) => {
    const subject = await itemThatIs(state);
    expect(await subject.group.state(subject.entry)).toBe(state);
    const before = await counters(subject);
    const code = await actions[name]?.(subject);
    expect([code, await subject.group.state(subject.entry)]).toEqual(expected[state][name]);
    const after = await counters(subject);
    if (expected[state][name]?.[1] === state) expect(after.rest).toEqual(before.rest);

    // The same event once more is a late or repeated one.
    const settledState = await subject.group.state(subject.entry);
    await actions[name]?.(subject);
    expect(await subject.group.state(subject.entry)).toBe(settledState);
    expect((await counters(subject)).rest).toEqual(after.rest);
  });
});

test('the table in states.lua allows what the scripts did', () => {
  const allowed = edgesIn('states.lua', 'moves');
  expect(allowed.length).toBeGreaterThan(15);
  const seen = new Set<string>();
  for (const state of states) {
    for (const [, next] of Object.values(expected[state]))
      if (next !== state && next !== 'suspended') seen.add(`${state} ${next}`);
  }
  // Made ready and given its slot in one script.
  expect(seen.delete('waiting granted')).toBe(true);
  expect([...seen].filter((move) => !allowed.includes(move))).toEqual([]);
  // What has ended is over, but for a retry: of itself, or of a root's children.
  const again = allowed.filter((move) => /^(succeeded|failed|cancelled) /.test(move));
  expect(again.sort()).toEqual([
    'cancelled queued',
    'cancelled returned',
    'failed queued',
    'failed returned',
    'succeeded returned',
  ]);
});
