import type { ListOptions } from '../../api/list';
import { listedKinds, signatureStatuses } from '../../api/statuses';
import type { ItemResult } from '../../api/types';
import { systemClock } from '../../utils/clock';
import { filtersOf, whatIsThere, withProgress, type FilterOptions } from '../listing';
import { durationOf, timeOf } from '../words';
import { excerpt, fitting, mostCharacters, shortened } from './bounded';
import { anyId, count, oneOf, readingTool, text, type Tool } from './tool';

const shown = { callbacks: 20, output: 5_000, result: 1_000 };
/** The number of ends that `results` looks at: reading further needs a shell. */
const looksAtMost = 10_000;

const list = readingTool<FilterOptions & { since?: string; limit?: number; cursor?: string }>({
  name: 'list',
  title: 'List groups',
  description:
    'Lists groups (swarms, chains, root tasks) and single tasks, newest first: id, kind, name, status, tags, time of creation and how many items have ended. ' +
    'Call it first, to find the id that the other tools take. A cursor in the answer means that there may be more.',
  properties: {
    kind: oneOf(listedKinds, 'Only this kind'),
    status: oneOf(signatureStatuses, 'Only those with this status now'),
    name: text('Only those with exactly this name'),
    tag: text('Only those with this tag'),
    since: text('Only those created since: 2h, 7d, or a date such as 2026-11-30T08:00:00Z'),
    limit: count(1, 100, 'At most so many. Default 20'),
    cursor: text('The cursor of the answer before, with the same filters'),
  },
  call: async (session, { since, limit = 20, cursor, ...given }) => {
    const reader = await session.reader();
    const filters: ListOptions = {
      ...filtersOf(given),
      since: since === undefined ? undefined : timeOf('since', since, systemClock.now()),
      cursor,
    };
    return fitting(limit, async (most) => {
      const page = await reader.list({ ...filters, limit: most });
      const groups = await Promise.all(page.items.map((item) => withProgress(reader, item)));
      if (groups.length > 0 || (page.cursor ?? cursor) !== undefined) return { groups, cursor: page.cursor };
      const note = await whatIsThere(reader, { ...session.options, ...given, since });
      if (note.length > 1) note.push('mageflow mcp takes the same options.');
      return { groups, note: note.join('\n') };
    });
  },
});

const show = readingTool<{ id: string; items?: number; cursor?: string; output?: boolean }>({
  name: 'show',
  title: 'Show a group or task',
  description:
    'Shows one group, item or callback: status, counts, rate, configuration, times, callbacks, and its first items with their errors. ' +
    'Call it to see what a group consists of, or the error of one item. For an item that is a group, call it again with the id of the item.',
  properties: {
    id: anyId,
    items: count(0, 50, 'How many items to show. Default 20'),
    cursor: text('The cursor of the answer before, to see further items'),
    output: { type: 'boolean', description: 'Adds its output, if it has succeeded. Default false' },
  },
  required: ['id'],
  call: async (session, { id, items = 20, cursor, output = false }) => {
    const reader = await session.reader();
    return fitting(items, async (most) => {
      const page = { depth: most === 0 ? 0 : 1, limit: Math.max(1, most), cursor };
      const { callbacks = [], output: made, error, ...found } = await reader.describe(id, { ...page, output });
      return {
        ...(shortened(found) as object),
        ...(error === undefined ? {} : { error: excerpt(error, shown.output) }),
        ...(made === undefined ? {} : { output: excerpt(made, shown.output) }),
        ...(callbacks.length > 0 ? { callbacks: shortened(callbacks.slice(0, shown.callbacks)) } : {}),
        ...(callbacks.length > shown.callbacks ? { callbacksLeft: callbacks.length - shown.callbacks } : {}),
      };
    });
  },
});

const results = readingTool<{ id: string; status?: string; skip?: number; limit?: number }>({
  name: 'results',
  title: 'Read results',
  description:
    'Returns results and errors of single items of a group, in the order in which they ended. ' +
    'Call it to look at some of them; to learn what went wrong in a large group call failures, which counts all. ' +
    'A number in next means that there are more: pass it as skip. Long results are cut.',
  properties: {
    id: text('Id of a swarm, chain, root or single task'),
    status: oneOf(['succeeded', 'failed', 'cancelled'], 'Only these'),
    skip: count(0, looksAtMost, 'How many ends to leave out: next of the answer before. Default 0'),
    limit: count(1, 100, 'At most so many. Default 20'),
  },
  required: ['id'],
  call: async (session, { id, status, skip = 0, limit = 20 }, signal) => {
    const reader = await session.reader();
    const items: unknown[] = [];
    let position = 0;
    let characters = 0;
    for await (const item of reader.results(id, { follow: false, signal })) {
      if (position >= looksAtMost)
        return {
          items,
          note: `Only the first ${looksAtMost} ends were looked at. A shell has them all: mageflow results ${id}`,
        };
      if (position++ < skip || (status !== undefined && item.status !== status)) continue;
      const brief = briefly(item);
      characters += JSON.stringify(brief).length;
      if (items.length === limit || (items.length > 0 && characters > mostCharacters * 0.9))
        return { items, next: position - 1 };
      items.push(brief);
    }
    return { items };
  },
});

function briefly({ output, ...item }: Partial<ItemResult<unknown>> & { output?: unknown }): unknown {
  const brief = shortened(item, shown.result) as object;
  return output === undefined ? brief : { ...brief, output: excerpt(output, shown.result) };
}

const failures = readingTool<{ id: string; by?: 'message' | 'name'; limit?: number }>({
  name: 'failures',
  title: 'Count failures',
  description:
    'Groups and counts everything that failed in a group, the most frequent first, with three examples each. ' +
    'Call it when items have failed, before retry: it shows whether there is one cause or many. The texts have # in place of numbers.',
  properties: {
    id: text('Id of a swarm, chain, root or single task'),
    by: oneOf(['message', 'name'], 'What failures have in common. Default message'),
    limit: count(1, 50, 'At most so many kinds. Default 20'),
  },
  required: ['id'],
  call: async (session, { id, by, limit = 20 }) => {
    const found = await (await session.reader()).failures(id, { by });
    const rest = found.slice(limit);
    const sum = (kinds: typeof found) => kinds.reduce((total, { count: n }) => total + n, 0);
    return {
      failed: sum(found),
      kinds: shortened(found.slice(0, limit)),
      ...(rest.length > 0 ? { left: { kinds: rest.length, failed: sum(rest) } } : {}),
    };
  },
});

const explain = readingTool<{ id: string }>({
  name: 'explain',
  title: 'Explain why it waits',
  description:
    'Says in plain words what a group, item or callback waits for, the most urgent reason first, each with a code and a hint what to do. ' +
    'Call it whenever something does not end or does not start, before anything is changed. ' +
    'Methods in the hints, such as resume(), are tools and commands too; call it again for the id in entry to go deeper.',
  properties: { id: anyId },
  required: ['id'],
  call: async (session, { id }) => {
    const { asker, note } = await session.asker('explain');
    return { ...(shortened(await asker.explain(id), 1_000) as object), ...(note === undefined ? {} : { note }) };
  },
});

const doctor = readingTool<{ stillAfter?: string }>({
  name: 'doctor',
  title: 'Look for faults',
  description:
    'Checks Redis, the engine, workers, reconcilers, leases, callbacks and keys, and returns errors and warnings, each with what to do. ' +
    'Call it when many groups stand still, or when it is not known which group to look at. Ids of groups in a finding can be explained.',
  properties: { stillAfter: text('Report groups in which nothing has moved for so long: 10m, 2h. Default 1h') },
  call: async (session, { stillAfter }) => {
    const stillAfterMs = stillAfter === undefined ? undefined : durationOf('stillAfter', stillAfter);
    const { asker, note } = await session.asker('doctor');
    const found = await asker.doctor({ stillAfterMs });
    const findings = found.filter(({ level }) => level !== 'ok');
    return {
      healthy: !findings.some(({ level }) => level === 'error'),
      findings: shortened(findings, 1_000),
      ok: found.filter(({ level }) => level === 'ok').map(({ check }) => check),
      ...(note === undefined ? {} : { note }),
    };
  },
});

const stats = readingTool<object>({
  name: 'stats',
  title: 'Count groups',
  description:
    'Counts groups by status, items a second over the last minute, the oldest group that waits, and the memory in Redis. ' +
    'Call it for an overview, or to see whether anything moves at all. Numbers may be estimates from a sample; the answer says so.',
  properties: {},
  call: async (session) => shortened(await (await session.reader()).stats()),
});

/** The tools that change nothing. Redis alone is enough for them. */
export const readingTools: readonly Tool[] = [list, show, results, failures, explain, doctor, stats];
