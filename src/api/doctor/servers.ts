import type { ServerReader, ServerReport } from '../../store/server-reader';
import { count, lasting } from '../explain/words';
import { unchecked, type Found } from './finding';

const oldestVersion = '6.2';
/** The parts of the memory from which on it counts as nearly full. */
const nearlyFull = { warning: 0.8, error: 0.95 };
/** The difference that the clocks may have, in ms. */
const clockMs = 2_000;

type ServerCheck = (server: ServerReport, reader: ServerReader) => Found | Promise<Found>;

/** Looks at each server. Of several that have nothing wrong, it says so once. */
export async function each(
  servers: readonly ServerReport[],
  reader: ServerReader,
  check: ServerCheck,
): Promise<Found[]> {
  const found = await Promise.all(servers.map(async (server) => check(server, reader)));
  if (servers.length === 1) return found;
  const [first] = found;
  const wrong = found.flatMap((one, i) =>
    one.level === 'ok' ? [] : [{ ...one, clause: `on ${servers[i]?.name}: ${one.clause}` }],
  );
  if (wrong.length > 0 || !first) return wrong;
  return [
    { ...first, clause: `${first.clause} (the first of ${count(servers.length, 'server')}, which are all in order)` },
  ];
}

export function version({ info, refused }: ServerReport): Found {
  const found = info.get('redis_version');
  if (found === undefined) return unchecked('the version of Redis', refused ?? 'INFO does not have it');
  const valkey = info.get('valkey_version');
  const named = valkey === undefined ? `Redis ${found}` : `Valkey ${valkey}`;
  if (!isOlder(found, oldestVersion)) return { level: 'ok', clause: `${named} answers` };
  return {
    level: 'error',
    clause: `this is ${named}, and mageflow needs Redis ${oldestVersion} or newer, or Valkey 7.2 or newer`,
    todo: 'Update Redis.',
  };
}

export async function eviction({ info, name }: ServerReport, reader: ServerReader): Promise<Found> {
  const policy = info.get('maxmemory_policy') ?? (await reader.setting(name, 'maxmemory-policy'));
  if (policy === undefined) return unchecked('maxmemory-policy', 'Redis refuses INFO and CONFIG');
  if (policy === 'noeviction') return { level: 'ok', clause: 'Redis deletes no keys (maxmemory-policy is noeviction)' };
  return {
    level: 'error',
    clause: `Redis may delete keys when its memory is full (maxmemory-policy is ${policy}), and groups lose their state then`,
    todo: 'Set maxmemory-policy to noeviction.',
  };
}

const persist = 'Set appendonly to yes and appendfsync to everysec.';

export async function persistence({ info, name }: ServerReport, reader: ServerReader): Promise<Found> {
  const hasLog = info.get('aof_enabled') ?? toFlag(await reader.setting(name, 'appendonly'));
  if (hasLog === undefined) return unchecked('persistence', 'Redis refuses INFO and CONFIG');
  if (hasLog === '1') return appendOnly({ info }, await reader.setting(name, 'appendfsync'));
  const save = await reader.setting(name, 'save');
  if (save === undefined)
    return unchecked(
      'persistence',
      'the append-only file is off, and Redis refuses CONFIG, so that nothing shows whether it makes snapshots or is replicated',
    );
  if (save === '')
    return {
      level: 'error',
      clause: 'persistence is off, so all groups are lost when Redis is started again',
      todo: persist,
    };
  if ((info.get('rdb_last_bgsave_status') ?? 'ok') !== 'ok')
    return {
      level: 'error',
      clause: 'Redis could not write its last snapshot',
      todo: 'See the log of Redis. The disk may be full.',
    };
  return {
    level: 'warning',
    clause: 'Redis only makes snapshots, so a crash loses everything since the last one',
    todo: persist,
  };
}

function appendOnly({ info }: Pick<ServerReport, 'info'>, sync: string | undefined): Found {
  if ((info.get('aof_last_write_status') ?? 'ok') !== 'ok')
    return {
      level: 'error',
      clause: 'Redis could not write to its append-only file',
      todo: 'See the log of Redis. The disk may be full.',
    };
  if (sync === 'no')
    return {
      level: 'warning',
      clause:
        'the system decides when Redis writes to its disk (appendfsync is no), so a crash of the machine may lose half a minute of writes',
      todo: 'Set appendfsync to everysec.',
    };
  return { level: 'ok', clause: `the append-only file is on${sync === undefined ? '' : ` (appendfsync ${sync})`}` };
}

export function memory({ info, refused }: ServerReport): Found {
  const [used, limit, total] = ['used_memory', 'maxmemory', 'total_system_memory'].map((field) =>
    Number(info.get(field)),
  );
  if (used === undefined || Number.isNaN(used)) return unchecked('memory', refused ?? 'INFO does not have it');
  const isLimited = limit !== undefined && limit > 0;
  const most = isLimited ? limit : (total ?? 0);
  const shown = `${megabytes(used)} MB`;
  if (!(most > 0)) return { level: 'ok', clause: `Redis uses ${shown}, and has no limit` };
  const part = used / most;
  const of = isLimited ? 'its maxmemory' : 'the memory of its machine';
  const clause = `Redis uses ${shown}, ${Math.floor(100 * part)} % of ${of}`;
  if (part < nearlyFull.warning) return { level: 'ok', clause };
  return {
    level: part < nearlyFull.error ? 'warning' : 'error',
    clause: `${clause}: when it is full, new work throws StoreError`,
    todo: 'Give Redis more memory, shorten retention.finishedMs, remove() what was read, or set keepResults: false. mage.stats() shows what takes the memory.',
  };
}

export function clock({ before, after, now }: ServerReport): Found {
  // The time of the way to Redis and back counts for neither.
  const [isBehind, isAhead] = [now - after, before - now];
  const off = Math.max(isBehind, isAhead);
  if (off <= clockMs) return { level: 'ok', clause: 'the clock of this process is that of Redis' };
  return {
    level: 'warning',
    clause: `the clock of this process is ${lasting(off)} ${isAhead > isBehind ? 'ahead of' : 'behind'} that of Redis`,
    todo: 'Synchronise the clocks of both machines (NTP). Groups count by the clock of Redis, but times in logs, and times that you compare with Date.now(), are wrong.',
  };
}

function megabytes(bytes: number): string {
  return (bytes / 1024 ** 2).toFixed(1);
}

function toFlag(text: string | undefined): string | undefined {
  return text === undefined ? undefined : text === 'yes' ? '1' : '0';
}

function isOlder(found: string, than: string): boolean {
  const [a, b] = [found, than].map((text) => text.split('.').map(Number));
  const [major = 0, minor = 0] = a ?? [];
  const [leastMajor = 0, leastMinor = 0] = b ?? [];
  return major < leastMajor || (major === leastMajor && minor < leastMinor);
}
