import { hash } from 'node:crypto';
import type { MageflowLogger } from '../../config/options';
import { messageOf } from '../../utils/error-message';

/**
 * The body of a root while it runs: where what it publishes goes, and by what a later attempt of it finds again what an
 * earlier one made.
 */
export class RootCapture {
  /** Swarms that this attempt made, and their names: they are captured with their first run. */
  readonly made = new Map<string, string>();
  /** Those among them that were captured, by whatever of them was run first. */
  readonly captured = new Map<string, Promise<unknown>>();
  private readonly publications = new Set<Promise<void>>();
  private readonly equals = new Map<string, number>();
  private over = false;
  private warned = false;

  constructor(
    /** The group of its children. */
    readonly groupId: string,
    readonly name: string,
    /** Signatures of other stores are not captured. */
    readonly store: string,
    private readonly logger: MageflowLogger,
  ) {}

  /**
   * What makes a thing the same in each attempt: what it is, and how many equal ones this attempt has made before.
   * Order among different ones means nothing, so that bodies may branch.
   */
  identify(...parts: readonly string[]): string {
    const identity = hash('sha256', JSON.stringify(parts), 'base64url').slice(0, 22);
    const before = this.equals.get(identity) ?? 0;
    this.equals.set(identity, before + 1);
    // No user's key begins like this.
    return `\u0001${identity}${before === 0 ? '' : `.${before}`}`;
  }

  get isOver(): boolean {
    return this.over;
  }

  /** Whether it still captures; once it is over, it says so of the first thing that it doesn't. */
  captures(): boolean {
    if (this.over && !this.warned) {
      this.warned = true;
      this.logger.warn(
        `something was published from the body of ${this.name} after the body had returned; it is not captured. Await it in the body.`,
      );
    }
    return !this.over;
  }

  /** Keeps what is being published for the body beside it. */
  track(publication: Promise<void>): void {
    const tracked = publication
      .catch((error: unknown) => {
        this.logger.warn(`what ${this.name} publishes is left to the reconciler: ${messageOf(error)}`);
      })
      .finally(() => this.publications.delete(tracked));
    this.publications.add(tracked);
  }

  /** What is on its way to become a child, whether the body awaits it or not: the root's end waits for it. */
  begin<T>(capture: Promise<T>): Promise<T> {
    // On a cluster nothing else orders it before the end, which is written to another node.
    const begun = capture.then(
      () => undefined,
      () => undefined,
    );
    this.publications.add(begun);
    void begun.then(() => this.publications.delete(begun));
    return capture;
  }

  /** The body has ended: nothing more is captured. Resolves when all that was is published. */
  async end(): Promise<void> {
    this.over = true;
    while (this.publications.size > 0) await Promise.all(this.publications);
  }
}
