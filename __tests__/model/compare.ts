import { endLog } from '../helpers/store';
import { isDeepStrictEqual } from 'node:util';
import type { Model } from './model';
import { isOutcome } from './unit';
import type { Real } from './real';

/** @throws when the group, as readers see it, isn't as the model says */
export async function compare(model: Model, real: Real, ttls: number[]): Promise<void> {
  const { id, reader, tree, stores } = real;
  const over = model.all.filter(({ state }) => isOutcome(state));
  const [snapshot, page, due, states, results, ends, failures, active, facts, times] = await Promise.all([
    reader.snapshot(id),
    tree.items(id, 0, 1_000),
    stores[0].due(id, 1_000),
    Promise.all(model.callbacks.map(({ name }) => reader.callbackState(id, name))),
    reader.results(
      id,
      model.items.map((_, i) => i),
    ),
    endLog(stores[0], id, 0, 1_000),
    reader.failures(id),
    activeOf(real),
    reader.record(id),
    reader.times(
      id,
      over.map(({ name }) => name),
    ),
  ]);
  if (model.gone) return same('the group', snapshot, undefined);
  // The model has no clock.
  const { createdAt, startedAt, endedAt, nextStartAt, pausedUntil } = snapshot ?? {};
  same('its numbers', snapshot, {
    ...{ createdAt, startedAt, endedAt, nextStartAt, pausedUntil },
    kind: model.config.kind,
    name: 'model',
    status: model.status,
    closed: model.closed,
    total: model.items.length,
    ready: model.items.length - model.count('waiting'),
    slots: model.slots,
    succeeded: model.count('succeeded'),
    failed: model.failures.length,
    cancelled: cancelled(model),
    swept: snapshot?.swept,
    callbacks: {
      pending: model.callbacks.filter(({ state }) => !isOutcome(state)).length,
      succeeded: model.callbacks.filter(({ state }) => state === 'succeeded').length,
      failed: model.callbacks.filter((u) => isOutcome(u.state) && u.state !== 'succeeded' && !u.superseded).length,
    },
    labels: {},
    suspended: model.suspended,
    reason: model.why === 'timeout' || model.why === 'left' ? model.why : undefined,
  });
  same('whether it is paused', (pausedUntil ?? 0) > Date.now() + 60_000, model.paused);
  if (model.config.burst > 0) same('its tokens, and who has one', await real.bucket(), [model.tokens, model.held]);
  const items = page?.items ?? [];
  same(
    'the states of its items',
    items.map(({ state }) => state),
    model.items.map((u) => model.seen(u)),
  );
  same(
    'what is under way',
    active,
    Object.fromEntries(model.active.map((u) => [u.name, { state: u.state, run: u.run, child: u.child }])),
  );
  same(
    'the states of its callbacks',
    states,
    model.callbacks.map(({ state }) => state),
  );
  const ended = model.items.filter(({ state }) => isOutcome(state));
  // A result of an earlier round may be left of an item that a retry of others has cancelled. Readers go by its state.
  const known = ended.filter(({ unbegun }) => !unbegun || model.round === 0);
  same(
    'its results',
    known.map(({ name }) => results[Number(name)]),
    known.map((u) => model.resultOf(u)),
  );
  same(
    'the attempts of what has ended, and which times are known',
    times.map((of) => of && [of.attempts, of.startedAt !== undefined && of.startedAt <= Number(of.endedAt)]),
    over.map((u) => [u.begun, u.begun > 0]),
  );
  const listed = ended.filter(({ state }) => state === 'succeeded').map((u) => model.resultOf(u)?.slice(1) ?? '');
  same('the bytes of its results', facts?.resultBytes, Buffer.byteLength(listed.join('')));
  same(
    'the order of ends',
    ends,
    model.ends.map(({ name }) => Number(name)),
  );
  same(
    'its failures',
    failures.failures.map(({ index }) => index),
    model.failures.map(({ name }) => Number(name)),
  );
  same(
    'what has to be asked about, and whose it is',
    due.entries
      .map(({ entry, process, publications, cancelled: doomed }) => ({
        entry,
        owner: stores.findIndex((store) => store.process === process),
        publications,
        doomed,
      }))
      .sort(byEntry),
    model.active
      .filter((u) => u.due)
      .map(({ name, owner, publications, doomed }) => ({ entry: name, owner, publications, doomed }))
      .sort(byEntry),
  );
  same(
    'what the reconciler has to do',
    [due.toSpread, due.retrying, due.active],
    [model.toSpread, model.preparing, model.active.length],
  );
  // A chain stands still at a step that is suspended.
  const [next] = model.line;
  const stands = model.config.kind === 'chain' && next !== undefined && model.alone(next);
  if (due.more && !stands) throw new Error('Slots are free, items wait, and no reply says that they can be granted.');
  lifetimes(model, ttls);
  invariants(model);
}

const byEntry = (a: { entry: string }, b: { entry: string }) => (a.entry < b.entry ? -1 : 1);

async function activeOf({ reader, id }: Real) {
  const active: Record<string, unknown> = {};
  for await (const { entry, state, run, child } of reader.active(id)) active[entry] = { state, run, child };
  return active;
}

function cancelled(model: Model): number {
  const { items, failures, slots, stopped, status, preparing, choosing } = model;
  // What never started in a group that has stopped counts as cancelled.
  if (stopped || status === 'failed' || status === 'cancelled')
    return items.length - model.count('succeeded') - failures.length - slots;
  return preparing && choosing === undefined ? 0 : model.count('cancelled');
}

function lifetimes(model: Model, ttls: number[]): void {
  const { status, over, config, released, children } = model;
  const forEver = ttls.every((ttl) => ttl === -1);
  const limited = ttls.every((ttl) => ttl > 0);
  if (!model.ended && status !== 'pending' && !forEver) throw new Error(`It goes on, and expires in ${String(ttls)}.`);
  const free = !config.parent || released;
  if (status === 'pending' && !config.parent && !limited)
    throw new Error(`Nobody starts it, and it stays: ${String(ttls)}.`);
  if (over && free && Object.keys(children).length === 0 && !limited)
    throw new Error(`It is over, and stays: ${String(ttls)}.`);
  if (over && !free && model.round === 0 && !forEver)
    throw new Error(`Its parent may ask for it, and it expires: ${String(ttls)}.`);
}

/** What must hold of the model itself: it says the same twice. */
function invariants(model: Model): void {
  const { line, items, status, closed, stopped } = model;
  const wrong: string[] = [];
  if (new Set(line).size !== line.length) wrong.push('an item waits twice');
  if (!model.preparing && line.some(({ state }) => state !== 'queued')) wrong.push('what waits is not queued');
  if (status === 'succeeded' && items.some(({ state }) => !isOutcome(state))) wrong.push('an item never ended');
  if (model.ended && (model.slots > 0 || !closed)) wrong.push('it ended with items under way, or open');
  if (model.ended && model.suspended) wrong.push('it ended while it was suspended');
  if (stopped && model.slots === 0 && !model.suspended && !model.preparing && (model.config.kind !== 'root' || closed))
    wrong.push('it is stuck');
  const raised = model.slots > model.highest;
  if (raised) wrong.push('more run than may');
  if (model.claims > model.round + 1) wrong.push('its end was claimed twice');
  if (wrong.length > 0) throw new Error(`The model: ${wrong.join(', ')}.`);
}

export function same(what: string, actual: unknown, expected: unknown): void {
  if (isDeepStrictEqual(actual, expected)) return;
  throw new Error(`${what}\n  in Redis:  ${JSON.stringify(actual)}\n  must be:   ${JSON.stringify(expected)}`);
}
