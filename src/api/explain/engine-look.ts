import type { TaskLoad } from '../../hatchet/task-load';
import { latestAttempt, type Attempt } from '../../hatchet/run-history';
import type { GroupStore } from '../../store/group-store';
import { messageOf } from '../../utils/error-message';
import { withTimeout } from '../../utils/timeout';
import type { Reading } from '../reading';

/** How many runs, and how many names of tasks, one call of `explain` asks the engine about. */
const most = { runs: 5, names: 3 };

/** Asks the engine on behalf of one call of `explain`: about each thing once, and about a bounded number of things. */
export class EngineLook {
  private readonly loads = new Map<string, Promise<TaskLoad | undefined>>();
  private readonly attempts = new Map<string, Promise<Attempt | undefined>>();
  private readonly names = new Map<string, Promise<boolean | undefined>>();
  private failure: string | undefined;

  constructor(
    private readonly engine: Reading['engine'],
    private readonly store: Pick<GroupStore, 'clock' | 'settings'>,
  ) {}

  /** The time of day in ms, with which the engine's times are compared. */
  get now(): number {
    return this.store.clock.now();
  }

  /** Why something was not checked; undefined when the engine has answered. */
  get unchecked(): string | undefined {
    return this.engine ? this.failure : 'there is no connection to the engine';
  }

  /** Returns what serves a task; undefined when it can't be read. */
  load(task: string): Promise<TaskLoad | undefined> {
    return this.once(this.loads, task, Infinity, (engine) => engine.loadOf(task));
  }

  /** Returns the latest attempt of a run; undefined when it can't be read, or would be one run too many. */
  attempt(runId: string): Promise<Attempt | undefined> {
    return this.once(this.attempts, runId, most.runs, async (engine) => latestAttempt(await engine.history(runId)));
  }

  /** Returns the same for a run that was asked about already, and nothing for any other. */
  attemptSeen(runId: string): Promise<Attempt | undefined> | undefined {
    return this.attempts.get(runId);
  }

  /** Returns whether any worker ever registered a task; undefined when it can't be read. */
  isKnown(task: string): Promise<boolean | undefined> {
    return this.once(this.names, task, most.names, (engine) => engine.knowsName(task));
  }

  private async once<T>(
    asked: Map<string, Promise<T | undefined>>,
    key: string,
    atMost: number,
    read: (engine: NonNullable<Reading['engine']>) => Promise<T>,
  ): Promise<T | undefined> {
    const { engine, store } = this;
    const known = asked.get(key);
    if (known || !engine || asked.size >= atMost) return known;
    const limit = { who: 'the engine', ms: store.settings.commandTimeoutMs };
    const answer = withTimeout(store.clock, limit, read(engine)).catch((error: unknown) => {
      this.failure = `the engine can't be asked (${messageOf(error)})`;
      return undefined;
    });
    asked.set(key, answer);
    return answer;
  }
}
