import type { DoctorCheck, DoctorFinding, DoctorOptions } from '../../src';
import { doctor } from '../../src/api/doctor';
import type { Reading } from '../../src/api/reading';
import { RunIds } from '../../src/api/run-ids';
import type { GroupReader } from '../../src/store/group-reader';
import type { GroupStore } from '../../src/store/group-store';
import { SignatureIndex } from '../../src/store/signature-index';

/** Returns the readers of a store without an engine. */
export function readingOf({ store, reader }: { store: GroupStore; reader: GroupReader }): Reading {
  return { store, reader, signatureIndex: new SignatureIndex(store), runIds: new RunIds() };
}

/** Returns the findings of `doctor` in a store without an engine. */
export function findings(of: { store: GroupStore; reader: GroupReader }, options?: DoctorOptions) {
  return doctor(readingOf(of), options);
}

/** The only finding of a check. */
export function findingOf(all: readonly DoctorFinding[], check: DoctorCheck): DoctorFinding {
  const [found, ...more] = all.filter((one) => one.check === check);
  if (!found || more.length > 0) throw new Error(`not one finding of ${check} in ${JSON.stringify(all)}`);
  return found;
}

/** Each check, in the order in which they are reported. */
export const allChecks: readonly DoctorCheck[] = [
  'redis',
  'format',
  'eviction',
  'persistence',
  'memory',
  'clock',
  'engine',
  'reconcilers',
  'leases',
  'tasks',
  'groups',
  'callbacks',
  'keys',
];
