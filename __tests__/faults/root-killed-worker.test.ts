import type { RootSignature } from '../../src';
import { eventually } from '../helpers/fixture';
import { Faults } from '../helpers/faults';
import type { SpawnInput, Stamp } from '../helpers/recorder';
import type { TestProcess } from '../helpers/processes';

const faults = new Faults({ leaseMs: 1_000, reconcileIntervalMs: 300 });
const { mage, recorder } = faults;
afterAll(() => faults.close());

const count = 12;
const numbers = (from: number) => Array.from({ length: count }, (_, i) => from + i);
const within = (stamps: readonly Stamp[], event: Stamp['event'], from: number) =>
  stamps
    .filter((stamp) => stamp.event === event && stamp.n >= from && stamp.n < from + count)
    .sort((a, b) => a.n - b.n || a.attempt - b.attempt);

// Signed by its name: this process doesn't know that it is a root.
async function spawn(input: SpawnInput) {
  const callback = await mage.sign('done', { from: input.from });
  const options = { successCallbacks: [callback], errorCallbacks: [callback] };
  const signature = (await mage.sign('spawn', { ...input }, options)) as unknown as RootSignature<object, unknown>;
  await signature.runNoWait({});
  return signature;
}

// The engine takes a worker for dead after 30 s without a heartbeat, and starts its runs elsewhere: once for all of these.
describe('a worker is killed', () => {
  let victim: TestProcess;
  let heir: TestProcess;
  let stamps: Stamp[] = [];
  const signatures = new Map<string, RootSignature<object, unknown>>();
  const status = (name: string) => signatures.get(name)?.status();

  beforeAll(async () => {
    victim = await faults.process({ role: 'worker' });
    const held = { pause: 'pause', gate: 'held' };
    signatures.set('spawning', await spawn({ from: 0, count, pauseAt: 6, held: [4, 5], ...held }));
    signatures.set('filling', await spawn({ from: 100, count, pauseAt: 106, held: [104, 105], swarm: true, ...held }));
    signatures.set('returned', await spawn({ from: 200, count, held: numbers(200), gate: 'held' }));
    await eventually('two pause in the middle, and one has returned', async () => {
      const now = await recorder.stamps();
      const returned = await (await signatures.get('returned')?.children())?.progress();
      const [ended, started] = [within(now, 'end', 0).length, within(now, 'start', 0).length];
      const [endedInSwarm, startedInSwarm] = [within(now, 'end', 100).length, within(now, 'start', 100).length];
      const paused = ended === 4 && started === 6 && endedInSwarm === 4 && startedInSwarm === 6;
      return paused && returned?.closed && within(now, 'start', 200).length === 4;
    });
    heir = await faults.process({ role: 'worker' });
    await victim.kill();
    for (const gate of ['pause', 'held']) await recorder.open(gate);
    for (const signature of signatures.values()) await faults.ended(signature);
    await eventually('all callbacks ran', async () => (await recorder.stamps('callback')).length >= 3);
    stamps = await recorder.stamps();
  });

  test.each([
    ['while a body publishes its children', 'spawning', 0],
    ['while a body fills an open swarm', 'filling', 100],
  ])('%s: the next attempt goes on, no child is lost and none runs twice', async (_, name, from) => {
    expect(await status(name)).toBe('succeeded');
    expect(within(stamps, 'body', from).map(({ attempt, pid }) => [attempt, pid])).toEqual([
      [0, victim.pid],
      [1, heir.pid],
    ]);
    expect(within(stamps, 'end', from).map(({ n }) => n)).toEqual(numbers(from));
    // Those two were running when their worker died, and so were started again by the engine.
    const began = within(stamps, 'start', from).map(({ n, attempt }) => [n - from, attempt]);
    expect(began).toEqual(
      numbers(0).flatMap((n) =>
        n === 4 || n === 5
          ? [
              [n, 0],
              [n, 1],
            ]
          : [[n, 0]],
      ),
    );
  });

  test('while children run after the body has returned: another one completes them, without the body', async () => {
    expect(await status('returned')).toBe('succeeded');
    expect(within(stamps, 'body', 200).map(({ pid }) => pid)).toEqual([victim.pid]);
    const ends = within(stamps, 'end', 200);
    expect(ends.map(({ n }) => n)).toEqual(numbers(200));
    expect(ends.every(({ pid }) => pid === heir.pid)).toBe(true);
  });

  test('callbacks run once, with the output of the body and those of all children in order', () => {
    const given = stamps.filter(({ event }) => event === 'callback').map(({ input }) => input as { from: number });
    given.sort((a, b) => a.from - b.from);
    const outputs = (from: number) => numbers(from).map((n) => ({ n }));
    expect(given).toEqual([
      { from: 0, returnValue: { spawned: count }, childResults: outputs(0) },
      { from: 100, returnValue: { spawned: count }, childResults: [outputs(100)] },
      { from: 200, returnValue: { spawned: count }, childResults: outputs(200) },
    ]);
  });
});
