import type { Swarm } from '../../src';
import { openBench, reporter, type Bench } from './bench-mage';
import { InstantEngine } from './instant-engine';

/** Tasks on an engine that answers at once, and a swarm of them: what is left is bookkeeping. */
export class InstantSwarms {
  readonly engine = new InstantEngine('bench');
  readonly bench: Bench = openBench(this.engine.hatchet);
  done = 0;
  /** Called after each body. */
  onBody = (): void => undefined;
  private readonly reporter = reporter(this.bench.mage);
  readonly item = this.bench.mage.task({
    name: 'item',
    fn: ({ n }: { n: number }) => {
      this.done += 1;
      this.onBody();
      return { n };
    },
  });

  constructor() {
    this.engine.serve(this.item, this.reporter.task);
    this.bench.mage.startReconciler();
  }

  get callback() {
    return this.reporter.task;
  }

  /** An open swarm with a callback. */
  swarm(maxConcurrency: number): Promise<Swarm<{ n: number }>> {
    return this.bench.mage.swarm<readonly (readonly [typeof this.item, { n: number }])[]>({
      successCallbacks: [this.callback],
      config: { maxConcurrency },
    });
  }

  /** Starts a swarm, and gives the ms until its callback's body. */
  finish(swarm: Swarm<unknown>): Promise<number> {
    return this.reporter.timed(async () => {
      await swarm.runNoWait({});
      await swarm.closeSwarm();
    });
  }

  entries(count: number) {
    return entriesOf(this.item, count);
  }
}

/** Numbered entries of a task. */
export function* entriesOf<T>(item: T, count: number) {
  for (let n = 0; n < count; n++) yield [item, { n }] as const;
}
