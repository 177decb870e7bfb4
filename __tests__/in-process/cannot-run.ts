/** What cannot run on the in-process Redis. */
export interface CannotRun {
  /** A file below __tests__. */
  file: string;
  /** The whole names of its tests; without them, none of the file can. */
  tests?: readonly string[];
  reason: string;
}

/** `npm run test:fast` fails when a test is not in it and fails, or is in it and passes. */
export const cannotRun: readonly CannotRun[] = [];
