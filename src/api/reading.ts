import type { EngineClient } from '../hatchet/client';
import type { GroupReader } from '../store/group-reader';
import type { GroupStore } from '../store/group-store';
import type { SignatureIndex } from '../store/signature-index';
import type { RunIds } from './run-ids';

/**
 * The parts that `list`, `describe`, `failures`, `explain`, `doctor` and `stats` need. They work on the store alone, without
 * the Hatchet SDK and zod, so that a tool that only reads starts fast and needs no token.
 */
export interface Reading {
  readonly store: GroupStore;
  readonly reader: GroupReader;
  readonly signatureIndex: SignatureIndex;
  readonly runIds: RunIds;
  /** Without it, ended entries have no run ids, and `explain` and `doctor` say what they have not checked. */
  readonly engine?: Pick<EngineClient, 'findRun' | 'health' | 'history' | 'knowsName' | 'loadOf'>;
}
