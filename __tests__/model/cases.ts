import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Config } from './actions';
import type { Choice } from './choice';

/**
 * A sequence that was wrong once. A failure prints it as it belongs into cases.json, where `what` becomes a sentence that says
 * what has to be right: it stays the same sequence when commands are added to the model, which a seed does not.
 */
export interface Case {
  what: string;
  config: Config;
  choices: Choice[];
}

export function readCases(): Case[] {
  return JSON.parse(readFileSync(path.join(__dirname, 'cases.json'), 'utf8')) as Case[];
}
