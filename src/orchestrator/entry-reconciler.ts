import { isGroupRun } from '../store/entry';
import { forEachConcurrently } from '../utils/for-each-concurrently';
import type { GroupReader } from '../store/group-reader';
import type { GroupStore } from '../store/group-store';
import type { DueReply } from '../store/replies';
import type { Canceller } from './canceller';
import type { Commands } from './commands';
import type { Nesting } from './nesting';
import type { Outbox } from './outbox';
import type { Repairs } from './repairs';
import type { RunReconciler } from './run-reconciler';
import type { Stalls } from './stalls';
import { maxPublications } from './unpublishable';

/** How many entries of a group are handled at once. */
export const entriesAtOnce = 100;
/** How many entries one script call scans for unpublished ones, and how many of these one call takes over. */
const lookedAtOnce = 1_000;
const takenOverAtOnce = 200;

type Due = DueReply['entries'][number];

/** The parts that complete entries. */
export interface EntryParts {
  readonly store: GroupStore;
  readonly reader: GroupReader;
  readonly commands: Commands;
  readonly outbox: Outbox;
  readonly stalls: Stalls;
  readonly nesting: Nesting;
  readonly canceller: Canceller;
  readonly runReconciler: RunReconciler;
  readonly repairs: Repairs;
}

/**
 * Completes entries whose lease has expired: asks the engine about published ones, and publishes those that a dead process
 * had to publish.
 */
export class EntryReconciler {
  /** @param goesOn - returns whether the reconciler is still started */
  constructor(
    private readonly parts: EntryParts,
    private readonly goesOn: () => boolean,
  ) {}

  /** Handles every entry whose lease has expired, however many there are. */
  async handle(id: string, due: DueReply): Promise<void> {
    const granted = due.entries.filter(isGranted);
    const more = due.entries.length === entriesAtOnce;
    // A granted entry starts as soon as it is published. It must not wait until the engine was asked about all the others.
    const first = this.parts.repairs.logAndContinue(
      async () => `the granted items of ${await this.parts.repairs.names.group(id)}`,
      more ? this.takeOverAll(id, granted, due.now) : this.takeOver(id, granted),
    );
    // Errors are caught per entry: one that can't be handled now must not delay the others.
    await forEachConcurrently(entriesAtOnce, this.dueEntries(id, due, first), (one) =>
      this.parts.repairs.logAndContinue(() => this.parts.repairs.names.entry(id, one.entry), this.entry(id, one)),
    );
    await first;
  }

  private async *dueEntries(id: string, due: DueReply, first: Promise<void>): AsyncGenerator<Due> {
    yield* this.whileStarted(due.entries.filter((one) => !isGranted(one)));
    for (let taken = due.entries.length; taken === entriesAtOnce && this.goesOn();) {
      await first;
      const { entries } = await this.parts.store.takeDueEntries(id, entriesAtOnce, due.now);
      yield* this.whileStarted(entries);
      taken = entries.length;
    }
  }

  /** Entries that remain when the reconciler is stopped are due again after their lease, for other processes. */
  private *whileStarted(entries: readonly Due[]): Generator<Due> {
    for (const one of entries) {
      if (!this.goesOn()) return;
      yield one;
    }
  }

  /** Handles every granted entry of a group in which many entries are due. */
  private async takeOverAll(id: string, granted: readonly Due[], until: number): Promise<void> {
    await this.takeOver(id, granted);
    for (let passed = 0, looked = lookedAtOnce; looked === lookedAtOnce && this.goesOn();) {
      const part = await this.parts.store.takeLeft(id, passed, lookedAtOnce, until);
      await this.takeOver(id, part.entries);
      looked = part.looked;
      passed += looked - part.entries.length;
    }
  }

  private async entry(id: string, due: Due): Promise<void> {
    if (isGranted(due)) return this.takeOver(id, [due]);
    if (due.cancelled) await this.parts.canceller.cancelEntry(id, due.entry);
    if (due.state === 'returned' || isGroupRun(due.runId)) return this.nested(id, due);
    const task = (await this.parts.reader.head(id, due.entry))?.task;
    if (task === undefined) return;
    const state = await this.parts.runReconciler.completeIfEnded(id, due.entry, due.runId, task);
    if (state.end && !state.goesOn)
      await this.parts.repairs.report(
        { groupId: id, entry: due.entry },
        (who) => `completed ${who} from the engine's record of its run`,
      );
    if (!state.known) return this.lost(id, due, task);
    // A run may wait for a worker or between attempts for any time. It is checked again in case it does not recover.
    if (!state.end) await this.parts.store.renew(id, [due.entry], this.parts.store.settings.leaseMs * 3);
  }

  /** Handles an entry that is a nested group, or a root that waits for its children. */
  private async nested(id: string, due: Due): Promise<void> {
    const { nesting } = this.parts;
    if (due.state === 'returned') await nesting.closeChildren(id, due);
    if (await nesting.reconcileChild(id, due.entry, due.state === 'returned' ? due.child : due.runId.slice(2)))
      await this.parts.store.renew(id, [due.entry], this.parts.store.settings.leaseMs * 3);
  }

  /**
   * Handles entries that were granted a lease ago and are not published. Entries of a dead process are published here;
   * entries of a live one are checked again later.
   */
  private async takeOver(id: string, granted: readonly Due[]): Promise<void> {
    const processes = new Map<string, Due[]>();
    for (const due of granted) {
      const ofProcess = processes.get(due.process);
      if (ofProcess) ofProcess.push(due);
      else processes.set(due.process, [due]);
    }
    await Promise.all([...processes].map(([process, ofProcess]) => this.takeOverFrom(process, id, ofProcess)));
  }

  private async takeOverFrom(process: string, id: string, granted: readonly Due[]): Promise<void> {
    if (process !== this.parts.store.process) {
      const aliveFor = await this.parts.stalls.leaseLeftOf(process);
      return aliveFor === 0 ? this.publishAgain(id, granted) : this.askLater(id, granted, aliveFor);
    }
    const ofProcess = granted.filter(({ entry }) => this.parts.outbox.holds(id, entry));
    const lost = granted.filter(({ entry }) => !this.parts.outbox.holds(id, entry));
    await Promise.all([this.askLater(id, ofProcess, this.parts.store.settings.leaseMs), this.publishAgain(id, lost)]);
  }

  /** Checks the entries again when their process may turn out to be dead, rather than a whole lease later. */
  private async askLater(id: string, granted: readonly Due[], inMs: number): Promise<void> {
    if (granted.length === 0) return;
    const entries = granted.map(({ entry }) => entry);
    await this.parts.store.renew(id, entries, inMs);
    await this.parts.store.register(id, inMs);
  }

  /** Handles a run that the engine does not know, a lease after it was published or last seen. */
  private async lost(id: string, due: Due, task: string): Promise<void> {
    if (due.state === 'running') {
      return this.fail(id, due, `the engine has no run ${due.runId} any more, in which it was running`);
    }
    if (await this.parts.runReconciler.failIfUnknownName(id, due.entry, due.runId, task)) return;
    if (due.publications >= maxPublications) {
      return this.fail(id, due, `the engine accepted ${maxPublications} runs of it and has none of them any more`);
    }
    await this.publishAgain(id, [due]);
  }

  private async fail(id: string, due: Due, message: string): Promise<void> {
    await this.parts.runReconciler.fail(id, due.entry, due.runId, message);
    await this.parts.repairs.report({ groupId: id, entry: due.entry }, (who) => `failed ${who}: ${message}`);
  }

  /** Publishes entries again. While one part is published, only the next part is taken over. */
  private async publishAgain(id: string, left: readonly Due[]): Promise<void> {
    let publication: Promise<void> = Promise.resolve();
    for (let from = 0; from < left.length;) {
      const part = left.slice(from, from + takenOverAtOnce);
      const before = publication;
      const { expected, published } = await this.parts.commands.regrantSome(id, part, () => before);
      from += expected.length;
      // Errors are caught per part: one that can't be published must not delay the parts that are still to be taken over.
      publication = this.parts.repairs.logAndContinue(
        async () => `the unpublished items of ${await this.parts.repairs.names.group(id)}`,
        published,
      );
      const reported = this.parts.repairs.reportAll(
        id,
        part.filter((_, i) => expected[i]),
        (who, due) => `publishing ${who} again, which process ${due.process} left ${due.state}`,
      );
      await Promise.all([before, reported]);
    }
    await publication;
  }
}

function isGranted({ state }: Due): boolean {
  return state === 'granted';
}
