import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { errorCode } from './errors';
import { isAlive, type ProcessId } from './identity';
import { CHECKOUT } from './paths';

const FOLDER = path.join(CHECKOUT, '.stack');
const FILE = path.join(FOLDER, 'state.json');
export const STATE_LOCK = path.join(FOLDER, 'stack.lock');

/** The stack that `up` started for this checkout. */
export interface CheckoutState {
  supervisor: ProcessId;
  env: Record<string, string>;
  logs: string[];
}

/** Undefined when none was started, or when it has ended since. */
export function readState(): CheckoutState | undefined {
  try {
    const state = JSON.parse(readFileSync(FILE, 'utf8')) as CheckoutState;
    return isAlive(state.supervisor) ? state : undefined;
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

export function writeState(state: CheckoutState): void {
  mkdirSync(FOLDER, { recursive: true });
  writeFileSync(FILE, JSON.stringify(state, undefined, 2), { mode: 0o600 }); // it holds a token
}

export function removeState(): void {
  rmSync(FILE, { force: true });
}
