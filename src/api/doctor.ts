import { refuseUnknown, trueOrFalse, wholeNumber } from '../config/options';
import { HealthReader } from '../store/health-reader';
import { ServerReader } from '../store/server-reader';
import { health as engineHealth } from './doctor/engine';
import { checked, toFinding, unchecked, type DoctorCheck, type DoctorFinding, type Found } from './doctor/finding';
import { formatOf } from './doctor/format';
import { keys } from './doctor/keys';
import { clock, each, eviction, memory, persistence, version } from './doctor/servers';
import { coverage, survey as readSurvey, type Survey } from './doctor/survey';
import { tasks } from './doctor/tasks';
import { callbacks, leases, reconcilers, still } from './doctor/work';
import { EngineLook } from './explain/engine-look';
import type { Reading } from './reading';

/** Options of `mage.doctor`; all optional. */
export interface DoctorOptions {
  /** Looks at all groups and keys, however many there are, instead of at some. Default `false`. */
  full?: boolean | null | undefined;
  /** After how many ms without any begin or end a group in progress is reported. Default 3,600,000 (an hour). */
  stillAfterMs?: number | null | undefined;
}

/** The options, with their defaults. */
interface Extent {
  isWhole: boolean;
  stillAfterMs: number;
}

const fields = new Set(['full', 'stillAfterMs']);
const hour = 60 * 60 * 1_000;
/** The number of groups that are looked at unless all are: of those that are due first, and again of the newest. */
const groupsAtMost = 500;

const ofServers = [
  ['redis', version],
  ['eviction', eviction],
  ['persistence', persistence],
  ['memory', memory],
  ['clock', clock],
] as const;
const ofWork: readonly DoctorCheck[] = ['reconcilers', 'leases', 'tasks', 'groups', 'callbacks', 'keys'];

/**
 * Looks for whatever keeps work from going on: in Redis, in the engine, in the groups and in the keys. Changes nothing.
 * @throws ConfigurationError for a wrong option; all other errors are findings
 */
export async function doctor(reading: Reading, options: DoctorOptions = {}): Promise<DoctorFinding[]> {
  refuseUnknown(options, fields, 'option of doctor');
  const extent = {
    isWhole: trueOrFalse('full', options.full ?? false),
    stillAfterMs: wholeNumber('stillAfterMs', options.stillAfterMs, hour),
  };
  const engine = checked('engine', () => engineHealth(reading));
  const format = await formatOf(new HealthReader(reading.store));
  const [redis = [], ...others] = 'away' in format ? withoutRedis(reading, format.away) : await serverChecks(reading);
  const found = 'away' in format ? unchecked('the storage format', format.away) : format;
  const work = found.level === 'ok' ? await workChecks(reading, extent) : notLookedAt(found);
  return [...redis, toFinding('format', found), ...others.flat(), ...(await engine), ...work];
}

/** Returns the findings of each check. */
async function serverChecks({ store }: Reading): Promise<DoctorFinding[][]> {
  const reader = new ServerReader(store.redis);
  const reports = reader.reports();
  // Each check awaits it.
  reports.catch(() => undefined);
  return Promise.all(ofServers.map(([check, look]) => checked(check, async () => each(await reports, reader, look))));
}

function withoutRedis({ store }: Reading, why: string): DoctorFinding[][] {
  return ofServers.map(([check]) => [
    toFinding(
      check,
      check === 'redis'
        ? {
            level: 'error',
            clause: `Redis (${store.redis.address}) can't be asked: ${why}`,
            todo: 'Start Redis, or correct its address and password.',
          }
        : unchecked(check, 'Redis gives no answer'),
    ),
  ]);
}

function notLookedAt({ level }: Found): DoctorFinding[] {
  const why = level === 'unchecked' ? 'Redis gives no answer' : 'this version of mageflow must not read it';
  return ofWork.map((check) => toFinding(check, unchecked(check, why)));
}

async function workChecks(reading: Reading, { isWhole, stillAfterMs }: Extent): Promise<DoctorFinding[]> {
  const { store } = reading;
  const survey = readSurvey(reading, isWhole ? Infinity : groupsAtMost);
  survey.catch(() => undefined);
  const engine = new EngineLook(reading.engine, store);
  const look = (check: DoctorCheck, find: (read: Survey) => readonly Found[] | Promise<readonly Found[]>) =>
    checked(check, async () => {
      const read = await survey;
      const found = await find(read);
      return found.map((one) => ({ ...one, clause: `${one.clause} (${coverage(read)})` }));
    });
  const found = await Promise.all([
    checked('reconcilers', async () => reconcilers(await survey, store)),
    look('leases', leases),
    look('tasks', (read) => tasks(read, engine, new HealthReader(store))),
    look('groups', (read) => still(read, stillAfterMs)),
    look('callbacks', callbacks),
    checked('keys', () => keys(store, isWhole)),
  ]);
  return found.flat();
}
