import { isDeepStrictEqual } from 'node:util';
import type { Signature, Swarm } from '../../src';
import { Keys } from '../../src/store/keys';
import { invocationId, itemId } from '../../src/store/ids';
import { callbacksOf, unpackCallback, unpackSpec, type InvokedCallback, type Spec } from '../../src/store/spec';
import { eventually, type Fixture } from './fixture';

/** What bodies did, by the id of the signature that they ran for. */
export interface Executions {
  /** How often a body began. */
  began(id: string): number;
  /** How often it gave something back. */
  gave(id: string): number;
  /** How many bodies of a group ran at once, at most. */
  most(groupId: string): number;
}

export interface Expectation {
  /** How many bodies of a group's items may have run at once; by default its maxConcurrency, for one that was changed meanwhile the highest. */
  maxConcurrency?: number;
  /** Whether something in it was cancelled: then a body may have given what counts no more, and run again in a retry. */
  cancelled?: boolean;
}

const outcomes: Record<string, string> = { s: 'succeeded', f: 'failed', x: 'cancelled' };

/** One group as Redis has it. */
interface Stored {
  id: string;
  state: Record<string, string>;
  callbacks: Record<string, string>;
  bytes: string;
  specs: Record<string, string>;
}

/** Checks what must hold of groups that have ended, by what Redis holds of them and what bodies did. */
export class Invariants {
  readonly keys: Keys;

  constructor(
    private readonly fixture: Fixture,
    private readonly executions: Executions,
  ) {
    const { keyPrefix, hatchet } = fixture;
    this.keys = new Keys(keyPrefix, hatchet.tenantId, hatchet.config.namespace ?? '');
  }

  /**
   * Waits until an outermost group has ended, and nothing of it and of the groups below it is under way; then checks all of them.
   * @throws with all that doesn't hold
   */
  async check(outermost: Signature<any, any> | Swarm<any>, expectation: Expectation = {}): Promise<string> {
    const groups = await this.settled(outermost.id);
    const wrong = (await Promise.all(groups.map((group) => this.group(group, groups, expectation)))).flat();
    const [root] = groups;
    const status = root?.state['st'] ?? '';
    const shown = await outermost.status();
    if (shown !== status) wrong.push(`${outermost.id} is ${status} and says that it is ${shown}`);
    if (wrong.length > 0) {
      const dump = groups.map((group) => JSON.stringify({ ...group, specs: undefined }));
      throw new Error([...wrong, ...dump, ...this.fixture.log.lines.slice(-20)].join('\n'));
    }
    return status;
  }

  /** Waits until nothing runs in a suspended group, nor in those below it, and nothing is on its way. */
  async still(id: string): Promise<void> {
    await eventually(`nothing runs in ${id}`, async () => {
      for (const { id: each } of await this.tree(id)) {
        const active = await this.fixture.redis.hgetall(this.keys.active(each));
        for (const packed of Object.values(active))
          if (!/^(deferred|returned|published\|g:)/.test(packed)) throw new Error(`${each}: ${packed}`);
      }
      return true;
    });
  }

  /** Waits until a group has ended, and nothing of it and below it is under way. Gives it and those below it. */
  async settled(id: string): Promise<Stored[]> {
    let found: Stored[] = [];
    await eventually(`${id} and all below it is over`, async () => {
      const groups = await this.tree(id);
      const busy = await Promise.all(groups.map((group) => this.busy(group)));
      const reasons = busy.filter((reason) => reason !== undefined);
      if (reasons.length > 0) throw new Error(reasons.join('\n'));
      // Read when nothing changes any more: what was read before may have been half of it.
      found = await this.tree(id);
      return found.length > 0;
    });
    return found;
  }

  private async tree(id: string): Promise<Stored[]> {
    const { redis } = this.fixture;
    const [state, callbacks, bytes, specs] = await Promise.all([
      redis.hgetall(this.keys.state(id)),
      redis.hgetall(this.keys.callbacks(id)),
      redis.get(this.keys.bytes(id)),
      redis.hgetall(this.keys.specs(id)),
    ]);
    // One that isn't there was never made.
    if (!state['st']) return [];
    const own = { id, state, callbacks, bytes: bytes ?? '', specs };
    const below = Object.keys(callbacks).filter((field) => field.startsWith('g:'));
    const trees = await Promise.all(below.map((field) => this.tree(callbacks[field] ?? '')));
    return [own, ...trees.flat()];
  }

  private async busy({ id, state }: Stored): Promise<string | undefined> {
    const { redis } = this.fixture;
    const [active, leases] = await Promise.all([
      redis.hgetall(this.keys.active(id)),
      redis.zrange(this.keys.group(id)[5] ?? '', '0', '-1'),
    ]);
    const over = state['en'] !== undefined && Object.keys(active).length === 0 && leases.length === 0;
    return over ? undefined : JSON.stringify({ id, state, active, leases });
  }

  private async group(group: Stored, groups: readonly Stored[], expectation: Expectation): Promise<string[]> {
    const { id, state, callbacks } = group;
    const wrong: string[] = [];
    const expect = (holds: boolean, what: string) => {
      if (!holds) wrong.push(`${id} (${state['k']}, ${state['st']}): ${what}`);
    };
    const status = state['st'] ?? '';
    const number = (field: string) => Number(state[field] ?? 0);
    const [total, succeeded, failed, cancelled] = ['tot', 'ok', 'ko', 'cx'].map(number) as [
      number,
      number,
      number,
      number,
    ];
    const items = Array.from({ length: total }, (_, i) => group.bytes[i] ?? '\0');
    const count = (byte: string) => items.filter((item) => item === byte).length;

    expect(Object.values(outcomes).includes(status), 'it has not ended');
    expect(number('sl') === 0, `it has ${state['sl']} slots taken`);
    expect(!/[SRH]/.test(state['fl'] ?? ''), `it has the flags ${state['fl']}`);
    expect(
      [count('s'), count('f'), count('x')].join() === [succeeded, failed, cancelled].join(),
      `its counters say ${[succeeded, failed, cancelled].join()}, its items ${JSON.stringify(group.bytes)}`,
    );
    expect(count('a') === 0, `an item is active: ${group.bytes}`);
    if (status === 'succeeded') expect(count('s') + count('f') + count('x') === total, 'an item has not ended');

    if (state['k'] === 'swarm' || state['k'] === 'root') {
      const swarm = await this.fixture.mage.load<Swarm<unknown>>(id);
      const { callbacks: counted, ...progress } = await swarm.progress();
      const ends = Object.entries(callbacks).flatMap(([field, end]) => (field.startsWith('r:c') ? [end[0]] : []));
      const fine = ends.filter((mark) => mark === 's').length;
      const rightly = { pending: 0, succeeded: fine, failed: ends.length - fine };
      expect(isDeepStrictEqual(counted, rightly), `it counts callbacks as ${JSON.stringify(counted)}`);
      const right = {
        total,
        waiting: 0,
        queued: 0,
        running: 0,
        succeeded,
        failed,
        cancelled: total - succeeded - failed,
        closed: true,
        status,
      };
      const shown = Object.fromEntries(
        Object.keys(right).map((field) => [field, progress[field as keyof typeof right]]),
      );
      expect(isDeepStrictEqual(shown, right), `its progress is ${JSON.stringify(progress)}`);
      const { createdAt = Infinity, startedAt = createdAt, endedAt = -Infinity } = progress;
      expect(+createdAt <= +startedAt && +startedAt <= +endedAt, `its times are ${JSON.stringify(progress)}`);
    }

    // Of a root, how often its children were tried again, for which it waited.
    const rounds = number('rnd');
    const fired = this.fired(group);
    for (const [i, item] of items.entries()) {
      const spec = unpackSpec(group.specs[i] ?? '["?"]\n');
      const outcome = outcomes[item];
      const key = spec.id ?? (state['k'] === 'task' ? id : itemId(id, i));
      const [began, gave] = [this.executions.began(key), this.executions.gave(key)];
      const isGroup = spec.group !== undefined && spec.group !== 'root';
      const may = this.roundsAbove(group, groups, rounds) + 1;
      expect(began <= may, `the body of item ${i} ran ${began} times`);
      const once = gave <= 1 || spec.group === 'root' || (expectation.cancelled === true && may > 1);
      expect(once, `item ${i} succeeded ${gave} times`);
      if (!isGroup && outcome === 'succeeded') expect(gave >= 1, `item ${i} succeeded without a body`);
      if (outcome === undefined && may === 1)
        expect(began === 0, `item ${i} never started, and its body ran ${began} times`);
      if (may === 1) wrong.push(...this.itemCallbacks(spec, outcome, fired, String(i)).map((text) => `${id}: ${text}`));
      if (state['k'] === 'task' && rounds > 0 && spec.successCallbacks?.length === 1)
        expect(fired.length === rounds + 1, `it fired ${fired.length} callbacks after ${rounds} retries`);
    }
    const own = fired.filter(({ source }) => source === 'g');
    if (state['k'] !== 'task' && state['k'] !== 'root') {
      const list = (name: string) => (JSON.parse(state[name] ?? '[]') as string[]).length;
      const kinds = own.map(({ kind }) => kind);
      // What was never started in a group that stopped runs none.
      const silent = state['pg'] !== undefined && state['sa'] === undefined;
      const right = status === 'succeeded' ? 'success' : 'error';
      const expected = silent ? 0 : list(right === 'success' ? 'cs' : 'ce');
      if (rounds === 0)
        expect(
          kinds.length === expected && kinds.every((kind) => kind === right),
          `its callbacks were ${kinds.join()}`,
        );
      else expect(kinds.length > 0 && kinds.at(-1) === right, `its last callback was ${kinds.at(-1)}`);
      // One below may have been passed over in a round, as the groups above it were cancelled.
      const each = kinds.length === rounds + 1 || (state['pg'] !== undefined && kinds.length <= rounds + 1);
      if (list('cs') === 1 && list('ce') === 1)
        expect(each || rounds === 0, `its callbacks were ${kinds.join()} after ${rounds} retries`);
    }
    for (const { entry, spec } of fired) {
      const began = this.executions.began(spec.id ?? invocationId(id, entry));
      expect(began === 1, `the body of its callback ${entry} ran ${began} times`);
      expect(callbacks[`r:${entry}`] !== undefined, `its callback ${entry} has no end`);
    }
    const limit = Math.max(expectation.maxConcurrency ?? 0, number('mc'));
    expect(this.executions.most(id) <= limit, `${this.executions.most(id)} of its bodies ran at once`);
    wrong.push(...this.differsFromParent(group, groups));
    return wrong;
  }

  private fired({ callbacks }: Stored): (InvokedCallback & { entry: string })[] {
    return Object.keys(callbacks)
      .filter((field) => /^c\d+$/.test(field))
      .sort((a, b) => Number(a.slice(1)) - Number(b.slice(1)))
      .map((entry) => ({ entry, ...unpackCallback(callbacks[entry] ?? '') }));
  }

  private itemCallbacks(spec: Spec, outcome: string | undefined, fired: InvokedCallback[], entry: string): string[] {
    if (spec.group === 'chain' || spec.group === 'swarm') return [];
    const lists = { success: spec.successCallbacks ?? [], error: spec.errorCallbacks ?? [] };
    const right = outcome === 'succeeded' ? 'success' : 'error';
    const kinds = fired.filter(({ source }) => source === entry).map(({ kind }) => kind);
    const expected = outcome === undefined ? 0 : lists[right].length;
    if (callbacksOf(spec).length === 0 && kinds.length === 0) return [];
    return kinds.length === expected && kinds.every((kind) => kind === right)
      ? []
      : [`item ${entry}, which is ${outcome}, fired ${kinds.join()}`];
  }

  /** How often an item of a group may have been tried again: as often as all the groups above it. */
  private roundsAbove({ state }: Stored, groups: readonly Stored[], rounds: number): number {
    const parent = groups.find(({ id }) => id === state['pg']);
    return rounds + (parent ? this.roundsAbove(parent, groups, Number(parent.state['rnd'] ?? 0)) : 0);
  }

  /** A group's end is what its parent has noted of it. */
  private differsFromParent({ id, state }: Stored, groups: readonly Stored[]): string[] {
    const parent = groups.find((one) => one.id === state['pg']);
    const entry = Number(state['pe'] ?? NaN);
    if (!parent || Number.isNaN(entry)) return [];
    const noted = outcomes[parent.bytes[entry] ?? ''];
    // One that is being cancelled counts all that ends in it as cancelled; a root's body has a say of its own.
    const fits = noted === state['st'] || noted === 'cancelled' || (state['k'] === 'root' && noted !== 'succeeded');
    const untried = Number(parent.state['rnd'] ?? 0) > Number(state['prd'] ?? 0);
    const never = noted === undefined && (state['st'] === 'cancelled' || untried);
    return fits || never ? [] : [`${id} is ${state['st']}, and entry ${entry} of ${parent.id} is ${noted}`];
  }
}
