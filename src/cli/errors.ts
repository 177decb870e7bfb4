/** The command line is wrong and can't be carried out. The exit code is 2. */
export class UsageError extends Error {}

/** The command was understood, and its answer is no: failed, not found, not all done. The exit code is 1. */
export class NoError extends Error {}

/** A signal ended the command. The exit code is the one that shells expect. */
export class InterruptedError extends Error {
  readonly exitCode = 130;
}
