import { readFileSync } from 'node:fs';

const TAIL_LINES = 20;

/** The last lines of a log file, or why they cannot be shown. */
export function tail(file: string, lines = TAIL_LINES): string {
  try {
    return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-lines).join('\n') || '(empty)';
  } catch (error) {
    return `(cannot be read: ${errorMessage(error)})`;
  }
}

/** Not by `instanceof`: Jest gives its tests an `Error` of their own, which Node's errors are no instances of. */
function field(error: unknown, name: 'message' | 'code'): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  const value = (error as Record<string, unknown>)[name];
  return typeof value === 'string' ? value : undefined;
}

export function errorMessage(error: unknown): string {
  return field(error, 'message') ?? String(error);
}

export function errorCode(error: unknown): string | undefined {
  return field(error, 'code');
}

/** A start that failed. Its message ends with the log file's name and last lines: the folder may be gone when it is read. */
export class StackError extends Error {
  override readonly name = 'StackError';

  constructor(
    what: string,
    readonly logFile?: string,
  ) {
    super(logFile === undefined ? what : `${what}\nLog file: ${logFile}, its last lines:\n${tail(logFile)}`);
  }
}

/** Thrown when somebody took the port between its choice and its use: worth another try with other ports. */
export class PortTakenError extends StackError {}
