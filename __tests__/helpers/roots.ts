import type { Context, DurableContext, EvictionPolicy } from '@hatchet-dev/typescript-sdk';
import type { RootSignature, SignOptions, SwarmConfig, TaskLike } from '../../src';
import { unrefEvictionTimers } from './eviction-timers';
import { eventually, Fixture, Gauge } from './fixture';
import { TaskSet } from './task-set';

export type Message = Record<string, unknown>;
/** What a test's body gives is for that test to know. */
export type Any = any;
export type RootBody = (input: Message, ctx: Context<Any>) => unknown;
export type DurableBody = (input: Message, ctx: DurableContext<Any>) => unknown;

/** What a root is declared with besides its body. */
export interface RootConfig extends SwarmConfig {
  retries?: number;
  successCallbacks?: readonly TaskLike[];
  errorCallbacks?: readonly TaskLike[];
  executionTimeout?: `${number}s`;
  onEvents?: string[];
}

type TaskLikeDeclaration = NonNullable<Parameters<Fixture['worker']>[0]>[number];

/** Root tasks whose bodies each test brings along. */
export class Roots {
  readonly tasks: TaskLikeDeclaration[] = [];
  private readonly bodies = new Map<string, DurableBody>();

  constructor(private readonly fixture: Fixture) {}

  declare(name: string, config: RootConfig = {}) {
    const task = this.fixture.mage.rootTask<Message, Any>({
      name,
      executionTimeout: '300s',
      ...config,
      fn: (input, ctx) => this.run(input, ctx as Context<Any>),
    });
    this.tasks.push(task);
    return task;
  }

  /** A durable root, whose body is evicted a second after it has begun to wait. */
  declareDurable(name: string, config: RootConfig & { evictionPolicy?: EvictionPolicy } = {}) {
    unrefEvictionTimers();
    const task = this.fixture.mage.durableRootTask<Message, Any>({
      name,
      executionTimeout: '300s',
      evictionPolicy: { ttl: '1s' },
      ...config,
      fn: (input, ctx) => this.run(input, ctx as DurableContext<Any>),
    });
    this.tasks.push(task);
    return task;
  }

  /** The message by which a root finds this body. */
  body(body: DurableBody): { body: string } {
    const name = `body ${this.bodies.size}`;
    this.bodies.set(name, body);
    return { body: name };
  }

  /** A signature of a root that runs this body. */
  sign(task: TaskLike, body: RootBody, options: SignOptions = {}): Promise<RootSignature<Message | undefined, Any>> {
    return this.fixture.mage.sign(task as string, this.body(body), options) as Promise<Any>;
  }

  /** A signature of a durable root that runs this body. */
  signDurable(task: TaskLike, body: DurableBody, options: SignOptions = {}) {
    return this.sign(task, body as RootBody, options);
  }

  run(input: Message, ctx: Context<Any>): unknown {
    const body = this.bodies.get(String(input['body']));
    if (!body) throw new Error(`No body ${String(input['body'])}`);
    return body(input, ctx as DurableContext<Any>);
  }

  /** Waits until the engine has evicted the run of a durable root. The wait that it was evicted at is known to the engine then. */
  async evicted(runId: string | Promise<string>): Promise<void> {
    const id = await runId;
    const { runs } = this.fixture.hatchet;
    await eventually(`run ${id} is evicted`, async () => (await runs.getDetails(id)).isEvicted);
  }
}

/** Roots, tasks for their bodies to publish, and callbacks, that a worker serves for as long as the suite lasts. */
export function openRoots(
  config: RootConfig = {},
  fixture = new Fixture({ leaseMs: 1_000, reconcileIntervalMs: 300 }),
) {
  const { mage } = fixture;
  const taskSet = new TaskSet(fixture);
  const roots = new Roots(fixture);
  const gauge = new Gauge();
  const root = roots.declare('root', config);
  /** A child that shows how many run at once: each stays for a moment, so that others can come. */
  const step = mage.task({
    name: 'step',
    fn: async (input: { n: number }) => {
      await gauge.during(() => new Promise((resolve) => setTimeout(resolve, 20)));
      return { n: input.n };
    },
  });
  const others: TaskLikeDeclaration[] = [];
  beforeAll(async () => {
    await fixture.worker([...taskSet.tasks, ...roots.tasks, step, ...others]);
  });
  afterAll(() => fixture.close());
  const { retriedWork, work, callback } = taskSet;
  const tagged = (label: string, more: object = {}, options: SignOptions = {}) =>
    mage.sign(callback, { label, ...more }, options);
  return { fixture, mage, taskSet, roots, root, gauge, step, retriedWork, work, callback, tagged, others };
}
