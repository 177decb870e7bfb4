import type { SignatureStatus } from './types';

/** The kinds of work that `list` shows. This file loads nothing, because the command line loads it at each start. */
export const listedKinds = ['task', 'root', 'chain', 'swarm'] as const;

/** All statuses, in the order of a life. */
export const signatureStatuses: readonly SignatureStatus[] = [
  'pending',
  'queued',
  'running',
  'suspended',
  'succeeded',
  'failed',
  'cancelled',
];
