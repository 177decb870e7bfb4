import { hash } from 'node:crypto';
import type { MageflowLogger } from '../../config/options';
import { messageOf } from '../../utils/error-message';

/**
 * A running body of a root. Captures the runs that it starts, and gives them identities by which a later attempt finds the
 * children of an earlier one.
 */
export class RootCapture {
  /** The swarms that this attempt made, by id, with their names. They are captured with their first run. */
  readonly made = new Map<string, string>();
  /** The captured swarms among them. The first run of the swarm or of one of its items captures it. */
  readonly captured = new Map<string, Promise<unknown>>();
  private readonly publications = new Set<Promise<void>>();
  private readonly equals = new Map<string, number>();
  private over = false;
  private left = false;
  private warned = false;

  constructor(
    /** The id of its internal swarm. */
    readonly groupId: string,
    readonly name: string,
    /** The identity of its store. Signatures of other stores are not captured. */
    readonly store: string,
    private readonly logger: MageflowLogger,
  ) {}

  /**
   * Returns an identity that is the same in each attempt: it is made from the parts, and the number of equal ones that this
   * attempt has made before. The order of different ones does not matter, so that bodies may branch.
   */
  identify(...parts: readonly string[]): string {
    const identity = hash('sha256', JSON.stringify(parts), 'base64url').slice(0, 22);
    const before = this.equals.get(identity) ?? 0;
    this.equals.set(identity, before + 1);
    // No user's key begins with this character.
    return `\u0001${identity}${before === 0 ? '' : `.${before}`}`;
  }

  /** True if the body has ended, or a later invocation of it has taken over. */
  get isOver(): boolean {
    return this.over || this.left;
  }

  /** Returns whether it still captures. The first call after its end logs a warning. */
  captures(): boolean {
    if (this.over && !this.warned) {
      this.warned = true;
      this.logger.warn(
        `the body of ${this.name} started work after it had returned, which does not become its child. Await it in the body.`,
      );
    }
    return !this.over;
  }

  /** Tracks a publication that is made while the body continues. */
  track(publication: Promise<void>): void {
    const tracked = publication
      .catch((error: unknown) => {
        this.logger.warn(`could not publish the children of ${this.name}; the reconciler will: ${messageOf(error)}`);
      })
      .finally(() => this.publications.delete(tracked));
    this.publications.add(tracked);
  }

  /** Tracks a capture, whether or not the body awaits it. The root's end waits for it. */
  begin<T>(capture: Promise<T>): Promise<T> {
    // On a cluster nothing else orders it before the end, because that is written to another node.
    const begun = capture.then(
      () => undefined,
      () => undefined,
    );
    this.publications.add(begun);
    void begun.then(() => this.publications.delete(begun));
    return capture;
  }

  /** Called when the body has ended. Nothing more is captured. Resolves when all captured runs are published. */
  async end(): Promise<void> {
    this.over = true;
    await this.published();
  }

  /**
   * Called when this invocation of a durable body was evicted. A later one runs the body again from the top. Branches of this
   * one may still go on: what they start is captured as before, because as a run of its own it would run twice.
   */
  async leave(): Promise<void> {
    this.left = true;
    await this.published();
  }

  private async published(): Promise<void> {
    while (this.publications.size > 0) await Promise.all(this.publications);
  }
}
