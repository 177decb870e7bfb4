/** Sends one command. */
type Send = (method: string, args: readonly unknown[]) => Promise<unknown>;

/** The reply to a command of a transaction, as ioredis gives it. */
type Outcome = [error: Error | null, reply?: unknown];

/**
 * A transaction of a connection in this process. Its commands are carried out in one go when it is executed, so no other one
 * comes between them.
 */
export class Transaction {
  private readonly queued: [method: string, args: readonly unknown[]][] = [];

  private constructor(private readonly send: Send) {}

  /** @param methods - the names of the methods by which commands are added */
  static of(methods: readonly string[], send: Send): Transaction {
    const transaction = new Transaction(send);
    for (const method of methods) {
      const add = (...args: unknown[]) => {
        transaction.queued.push([method, args]);
        return transaction;
      };
      Object.defineProperty(transaction, method, { value: add });
    }
    return transaction;
  }

  exec(): Promise<Outcome[]> {
    const outcomes = this.queued.map(([method, args]) =>
      this.send(method, args).then(
        (reply): Outcome => [null, reply],
        (error: unknown): Outcome => [error as Error],
      ),
    );
    return Promise.all(outcomes);
  }
}
