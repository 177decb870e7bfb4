import { claimToken, type Execution } from '../../src/store/executions';
import { newSecret, type NewGroup } from '../../src/store/group-store';
import { childrenId, newId } from '../../src/store/ids';
import type { Effects } from '../../src/store/replies';
import { packSpec } from '../../src/store/spec';
import { rounds, type Random } from '../helpers/random';
import { execution, failed, StoreFixture, succeeded } from '../helpers/store';
import { sampled } from '../helpers/thorough';

// Whatever reports an end (a finish, a settlement, a confirmation, a note to a parent) may come again, late and early:
// what is stored in the end is the same, and each grant and each callback is handed out once.

const fixture = new StoreFixture();
const { store, reader } = fixture;
afterAll(() => fixture.close());

type Event = () => Promise<{ effects: Effects; groupId: string } | undefined>;

const callbacks = {
  successCallbacks: [packSpec({ task: 'good', id: 'good' })],
  errorCallbacks: [packSpec({ task: 'bad', id: 'bad' })],
};
const item = packSpec({ task: 'task', ...callbacks });

/** A swarm of tasks, a nested swarm and a root: all events of its life, delivered as the random choices say. */
class Story {
  readonly handedOut: string[] = [];
  /** The events that are still to be delivered, each list in its own order. */
  private readonly lines: Event[][] = [];
  private readonly ordered = new Set<Event[]>();
  private readonly delivered: Event[] = [];
  private readonly secrets = new Map<string, string>();
  readonly top = newId();
  readonly nested = newId();
  readonly children = childrenId(this.top, '4');

  constructor(private readonly random: Random | undefined) {}

  async run(): Promise<void> {
    await this.create(this.group(this.top, { maxConcurrency: 3 }), [item, item, item, item, item], '{}');
    while (this.lines.length > 0) {
      const { random } = this;
      const at = random ? random.int(0, this.lines.length - 1) : 0;
      const line = this.lines[at] ?? [];
      const event = line.shift();
      if (line.length === 0) this.lines.splice(at, 1);
      if (event) await this.deliver(event);
      // Again, and ahead of its turn: also at once, beside another one.
      if (random?.chance(0.6))
        await Promise.all([this.deliver(random.pick(this.delivered)), this.deliver(random.pick(this.delivered))]);
      // What a root's body does has an order: it can't return before it has published.
      const loose = this.lines.filter((one) => !this.ordered.has(one));
      const early = random?.chance(0.3) && loose.length > 0 ? random.pick(random.pick(loose)) : undefined;
      if (early) await this.deliver(early);
    }
    for (const event of [...this.delivered].sort(() => (this.random?.next() ?? 0.5) - 0.5)) await this.deliver(event);
    if (this.lines.length > 0) throw new Error('A repeated event has started something.');
  }

  private async deliver(event: Event): Promise<void> {
    this.delivered.push(event);
    const reply = await event();
    if (reply) await this.follow(reply.groupId, reply.effects);
  }

  private group(id: string, fields: Partial<NewGroup>): NewGroup {
    const secret = newSecret();
    const limits = { maxConcurrency: 2, stopAfterNFailures: null, keepResults: true };
    return { id, kind: 'swarm', name: 'test', secret, closed: true, ...limits, ...callbacks, ...fields };
  }

  private async create(group: NewGroup, specs: readonly string[], message: string): Promise<void> {
    const { created, effects } = await store.create(group, specs, { message });
    if (created) this.secrets.set(group.id, group.secret);
    await this.follow(group.id, effects);
  }

  private async follow(groupId: string, effects: Effects): Promise<void> {
    for (const { entry } of [...effects.grants, ...effects.callbacks]) {
      this.handedOut.push(`${groupId} ${entry}`);
      if (entry === 'p') this.lines.push([() => this.reportToParent(groupId)]);
      else if (groupId === this.top && entry === '3') this.lines.push(this.swarm(groupId, entry));
      else if (groupId === this.top && entry === '4') this.lines.push(this.root(groupId, entry));
      else this.lines.push(this.task(groupId, entry));
    }
    for (const { child } of effects.closing) this.lines.push([() => this.of(child, store.close(child))]);
  }

  private async of(groupId: string, call: Promise<{ effects: Effects }>) {
    return { groupId, effects: (await call).effects };
  }

  private start(groupId: string, entry: string, by: Execution, child = ''): Event {
    return async () => {
      await store.start(groupId, entry, by, { token: claimToken(this.secrets.get(groupId) ?? '', entry), child });
      return undefined;
    };
  }

  /** A task of two attempts; the second item of each group fails. */
  private task(groupId: string, entry: string): Event[] {
    const run = `run-${entry}`;
    const [first, second] = [execution(run, 0), execution(run, 1, 1, 'second')];
    const end = entry === '1' ? failed() : succeeded();
    const threw = { outcome: 'threw' as const, payload: '{"message":"thrown"}', retries: 1 };
    let takenOver = false;
    return [
      () => this.of(groupId, store.confirm(groupId, [entry, run])),
      this.start(groupId, entry, first),
      () => this.of(groupId, store.finish(groupId, entry, first, threw)),
      async () => {
        await this.start(groupId, entry, second)();
        takenOver = true;
        return undefined;
      },
      // What the first attempt gives when nobody wants it any more.
      async () => (takenOver ? this.of(groupId, store.finish(groupId, entry, first, succeeded('"late"'))) : undefined),
      () => this.of(groupId, store.finish(groupId, entry, second, end)),
      () => this.of(groupId, store.complete(groupId, entry, run, { outcome: end.outcome, payload: end.payload })),
    ];
  }

  private swarm(groupId: string, entry: string): Event[] {
    const parent = { groupId, entry, round: 0 };
    const group = this.group(this.nested, { parent });
    return [
      () => this.create(group, [item, item, item], '{}').then(() => undefined),
      () => this.of(groupId, store.confirm(groupId, [entry, `g:${this.nested}`])),
    ];
  }

  private root(groupId: string, entry: string): Event[] {
    const run = execution(`run-${entry}`);
    const parent = { groupId, entry, round: 0 };
    const group = this.group(this.children, {
      kind: 'root',
      closed: false,
      parent,
      successCallbacks: [],
      errorCallbacks: [],
    });
    const add =
      (key: string): Event =>
      async () => {
        const { effects } = await store.add(this.children, [{ spec: item, key }], { run: true });
        return effects && { effects, groupId: this.children };
      };
    const line: Event[] = [
      () => this.of(groupId, store.confirm(groupId, [entry, run.runId])),
      this.start(groupId, entry, run, this.children),
      () => this.create(group, [], '').then(() => undefined),
      add('a'),
      add('b'),
      add('c'),
      () => this.of(groupId, store.finish(groupId, entry, run, succeeded('"body"'))),
    ];
    this.ordered.add(line);
    return line;
  }

  private async reportToParent(groupId: string) {
    const end = succeeded(`"the end of ${groupId === this.nested ? 'the swarm' : 'the children'}"`);
    const entry = groupId === this.nested ? '3' : '4';
    const { effects } = await store.complete(this.top, entry, `g:${groupId}`, {
      outcome: end.outcome,
      payload: end.payload,
      round: 0,
    });
    await store.parentNotified(groupId);
    return { effects, groupId: this.top };
  }

  /** All that counts of what is stored, without what depends on the order and on the clock. */
  async stored(): Promise<unknown> {
    const groups = [this.top, this.nested, this.children].map(async (id) => {
      const { redis } = store;
      const [state, bytes, kept, ends, active, leases] = await redis.use('read', (client) =>
        Promise.all([
          client.hmget(store.keys.state(id), 'st', 'cl', 'tot', 'rdy', 'sl', 'ok', 'ko', 'cx', 'rb', 'cbn', 'nch'),
          client.get(store.keys.bytes(id)),
          client.hgetall(store.keys.callbacks(id)),
          client.lrange(store.keys.ends(id), 0, -1),
          client.hlen(store.keys.active(id)),
          client.zcard(store.keys.group(id)[5] ?? ''),
        ]),
      );
      const total = Number(state[2]);
      const results = await Promise.all(Array.from({ length: total }, (_, i) => reader.result(id, String(i))));
      const fired = Object.keys(kept).filter((field) => /^c\d+$/.test(field));
      const firings = fired.map((field) => `${kept[field]?.split('\n')[0]} ${kept[`r:${field}`]}`).sort();
      const failures = Object.keys(kept).filter((field) => field.startsWith('f:'));
      return {
        state,
        bytes,
        results,
        firings,
        failures: failures.map((field) => kept[field]).sort(),
        ends: ends.sort(),
        active,
        leases,
      };
    });
    return Promise.all(groups);
  }
}

async function endOfStory(random?: Random) {
  const story = new Story(random);
  await story.run();
  const names = story.handedOut.map((one) => one.replace(story.top, 'top').replace(story.nested, 'nested'));
  return { stored: await story.stored(), handedOut: names.sort() };
}

test('repeated, late, early and concurrent events leave the same state as events that arrive once and in order', async () => {
  const once = await endOfStory();
  expect(once.handedOut).toEqual([...new Set(once.handedOut)]);
  // Items, each with a callback, the callbacks of two groups, and two ends to report to a parent.
  expect(once.handedOut).toHaveLength(2 * (5 + 3 + 3) + 2 + 2);
  await rounds(sampled(30), 10, async (random) => {
    expect(await endOfStory(random)).toEqual(once);
  });
}, 300_000);
