import { NonRetryableError } from '@hatchet-dev/typescript-sdk';
import { mageContext, type MageContext } from '../../src';
import { eventually, gate, type Fixture } from './fixture';

/** One execution of a body. */
export interface Note {
  input: Record<string, unknown>;
  context: MageContext | undefined;
  runId: string;
  /** The attempt, as the engine counts it. */
  retryCount: number | undefined;
}

type Message = Record<string, unknown>;
type Attempt = { workflowRunId: () => string; retryCount: () => number };

/** Tasks to attach callbacks to, callbacks that keep what they get, and what all of them saw. */
export class Notes {
  readonly seen: (Note & { tag: unknown })[] = [];
  private readonly gates = new Map<string, ReturnType<typeof gate>>();
  /** Gives back `give`, or throws `fail` at each of its three attempts, at the first ones only with `until`. */
  readonly work;
  /** As `work`, with one attempt. */
  readonly once;
  /** A callback: keeps what it gets under its `tag`. */
  readonly note;

  constructor(private readonly fixture: Fixture) {
    const { mage } = fixture;
    const fn = async (input: Message, ctx: Attempt) => {
      this.keep(input, ctx);
      if (typeof input['hold'] === 'string') await this.gateOf(input['hold']).opened;
      if (input['final']) throw new NonRetryableError(String(input['final']));
      if (input['fail'] && ctx.retryCount() < Number(input['until'] ?? Infinity))
        throw new Error(String(input['fail']));
      return input['give'];
    };
    this.work = mage.task({ name: 'work', retries: 2, fn });
    this.once = mage.task({ name: 'once', fn });
    this.note = mage.task({ name: 'note', fn });
  }

  get tasks() {
    return [this.work, this.once, this.note];
  }

  keep(input: Message, ctx?: Attempt): void {
    const [runId, retryCount] = [ctx?.workflowRunId() ?? '', ctx?.retryCount()];
    this.seen.push({ tag: input['tag'], input, context: mageContext(), runId, retryCount });
  }

  open(name: string): void {
    this.gateOf(name).open();
  }

  /** All executions that were given a tag. */
  of(tag: string): Note[] {
    return this.seen.filter((note) => note.tag === tag);
  }

  /** The one execution of a tag, after the signature or swarm has ended with all its callbacks. */
  async only(tag: string, parent: { id: string }): Promise<Note> {
    await this.settled(parent);
    const notes = this.of(tag);
    if (notes.length !== 1) throw new Error(`${notes.length} executions of ${tag} instead of one`);
    return notes[0] as Note;
  }

  /** Waits until a run signature or a swarm has ended, and all its callbacks have: from here on nothing happens to it. */
  async settled({ id }: { id: string }): Promise<void> {
    await eventually(`${id} and its callbacks have ended`, async () => {
      const [key] = (await this.fixture.keys()).filter((name) => name.endsWith(`{${id}}:g`));
      // Redis is told to forget a group when, and only when, nothing of it is active any more.
      return (
        key !== undefined &&
        (await this.fixture.redis.hget(key, 'en')) !== null &&
        (await this.fixture.redis.pttl(key)) > 0
      );
    });
  }

  private gateOf(name: string) {
    const known = this.gates.get(name) ?? gate();
    this.gates.set(name, known);
    return known;
  }
}
