import type { Bytes } from './bytes';

/** A reply that is a status, as `OK`: a script receives it as a table. */
export class Status {
  constructor(readonly text: string) {}
}

export const ok = new Status('OK');

export type Reply = Bytes | number | null | Status | Reply[];
