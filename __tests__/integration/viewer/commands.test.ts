// What open pages cost Redis, by a clock of the test's own: nothing here depends on how fast a machine is.
import { Redis } from 'ioredis';
import { describe as describeWork } from '../../../src/api/describe';
import { items } from '../../../src/api/items';
import { progress } from '../../../src/api/progress';
import type { Reading } from '../../../src/api/reading';
import { RunIds } from '../../../src/api/run-ids';
import { timeline } from '../../../src/api/timeline';
import { GroupReader } from '../../../src/store/group-reader';
import { GroupStore } from '../../../src/store/group-store';
import { SignatureIndex } from '../../../src/store/signature-index';
import { systemClock, type Clock } from '../../../src/utils/clock';
import { resolveViewerOptions } from '../../../src/viewer/options';
import { Reads } from '../../../src/viewer/reads';
import type { ViewerReads } from '../../../src/viewer/source';
import { CallLog, type Call } from '../../helpers/call-log';
import { EventStream } from '../../helpers/event-stream';
import { OwnRedis } from '../../helpers/own-redis';
import { StoreFixture } from '../../helpers/store';

/** A clock that stands still until it is moved, for one timer. */
class StillClock {
  private time = 0;
  private next: { at: number; action: () => void } | undefined;
  private onSet = () => {};

  readonly clock: Clock = {
    ...systemClock,
    elapsed: () => this.time,
    timeout: (action, ms) => {
      const timer = { at: this.time + ms, action };
      this.next = timer;
      this.onSet();
      return {
        cancel: () => {
          if (this.next === timer) this.next = undefined;
        },
        ref: () => {},
        unref: () => {},
      };
    },
  };

  /** Lets time pass, and waits until what was due has set its timer again. */
  async pass(ms: number): Promise<void> {
    this.time += ms;
    const due = this.next;
    if (!due || due.at > this.time) return;
    this.next = undefined;
    const again = new Promise<void>((resolve) => (this.onSet = resolve));
    due.action();
    await again;
  }
}

let server: OwnRedis;
let fixture: StoreFixture;
let log: CallLog;
beforeAll(async () => {
  server = await OwnRedis.open('--appendonly', 'no');
  fixture = new StoreFixture({}, new Redis(server.url));
  log = await CallLog.open(server.url);
});
afterAll(async () => {
  log.close();
  await fixture.close();
  await server.close();
});

const commandsIn = (calls: readonly Call[]) =>
  calls.filter(({ name }) => name !== 'echo').reduce((sum, { commands }) => sum + 1 + commands.length, 0);

test('pages on a group that runs cost Redis at most 10 commands a second in all, with the table and the chart', async () => {
  const still = new StillClock();
  const { clock } = still;
  // The connection keeps the time of the process: only what is read anew and what is kept goes by that of the test.
  const store = new GroupStore(fixture.connection, { ...fixture.store.settings, clock }, 'tenant', 'namespace_', {});
  const reading: Reading = {
    store,
    reader: new GroupReader(store),
    signatureIndex: new SignatureIndex(store),
    runIds: new RunIds(),
  };
  const source = {
    describe: (id, options) => describeWork(reading, id, options),
    progress: (id) => progress(reading, id),
    items: (id, options) => items(reading, id, options),
    timeline: (id, options) => timeline(reading, id, options),
  } as ViewerReads;
  const reads = new Reads(source, { settings: resolveViewerOptions({}, false), tenant: 'tenant' }, () => {}, clock);
  const group = await fixture.group(1_000, { closed: true, maxConcurrency: 1_000 });
  await group.store.run(group.id, '{}');
  const end = (index: number) => group.execute(String(index));
  for (let index = 0; index < 500; index++) await end(index);
  const streams = await Promise.all(
    Array.from({ length: 20 }, async () => new EventStream(new Response(await reads.workEvents(group.id)))),
  );
  await Promise.all(streams.map((stream) => stream.next()));
  const seconds = 20;
  let commands = 0;
  for (let second = 1; second <= seconds; second++) {
    await end(500 + second);
    const calls = await log.during(async () => {
      await still.pass(1_000);
      const asks: (() => Promise<unknown>)[] = [];
      if (second % 2 === 0) asks.push(() => reads.items(group.id, new URLSearchParams('at=0&limit=100')));
      if (second % 5 === 0) asks.push(() => reads.timeline(group.id));
      await Promise.all(streams.flatMap(() => asks.map((ask) => ask())));
    });
    commands += commandsIn(calls);
    // Each second is told: what is spared is not what people look at.
    for (const stream of streams) {
      await stream.next();
      expect(stream.value['progress']).toMatchObject({ succeeded: 500 + second });
    }
  }
  expect(commands / seconds).toBeLessThanOrEqual(10);
  expect(commands).toBeGreaterThan(seconds);
  await Promise.all(streams.map((stream) => stream.close()));
});
