import type { JsonSchemaType } from '@modelcontextprotocol/server';
import type { RetryFailedOptions } from '../../api/types';
import type { ChangeableField, SwarmConfig } from '../../config/swarm-config';
import { close, resume, retryFailed, start, update, type AloneAction } from '../actions';
import { addLines } from '../adding';
import { NoError, UsageError } from '../errors';
import { forEachId } from '../for-each-id';
import type { Line } from '../json-lines';
import { counted } from '../words';
import { shortened } from './bounded';
import type { Session } from './session';
import { changingTool, count, text, type Tool } from './tool';

const many: JsonSchemaType = {
  type: 'array',
  items: { type: 'string', minLength: 1 },
  minItems: 1,
  maxItems: 100,
  description: 'Ids of groups or single tasks, as list gives them',
};
const object: JsonSchemaType = { type: 'object' };
const needsToken = 'Needs HATCHET_CLIENT_TOKEN in the environment of this server.';

/** Makes a tool that does the same to each of some groups. */
function forMany(
  { name, title, description }: Pick<Tool, 'name' | 'title' | 'description'>,
  destructiveHint: boolean,
  act: Parameters<typeof actOnMany>[1],
): Tool {
  return changingTool<{ ids: string[] }>(
    {
      name,
      title,
      description,
      properties: { ids: many },
      required: ['ids'],
      call: (session, { ids }) => actOnMany({ ids: [...new Set(ids)], session }, act),
    },
    { destructiveHint, idempotentHint: true },
  );
}

async function actOnMany(
  { ids, session }: { ids: readonly string[]; session: Session },
  open: (session: Session) => Promise<{ act: (id: string) => Promise<unknown>; note?: string }>,
): Promise<unknown> {
  const { act, note } = await open(session);
  const { done, failed } = await forEachId(ids, act);
  if (done.length === 0) throw new NoError(failed.map(({ id, error }) => `${id}: ${error}`).join(' '));
  return { done, failed: shortened(failed), ...(note === undefined ? {} : { note }) };
}

const alone = (name: AloneAction) => (session: Session) => session.alone(name);

const suspend = forMany(
  {
    name: 'suspend',
    title: 'Suspend groups',
    description:
      'Holds groups: nothing new starts, what runs goes on. It can be undone with resume. ' +
      'Call it to stop damage while the cause is looked for.',
  },
  false,
  alone('suspend'),
);

const resumeTool = forMany(
  {
    name: 'resume',
    title: 'Resume groups',
    description: `Lets suspended groups go on. Call it when explain says "suspended", and the reason for the suspension is gone. ${needsToken}`,
  },
  false,
  async (session) => {
    const mage = await session.mage('resume');
    return { act: (id) => resume(mage, id) };
  },
);

const cancel = forMany(
  {
    name: 'cancel',
    title: 'Cancel groups',
    description:
      'Cancels groups: waiting items never start, running ones are stopped. Items that have not ended are lost unless retry runs them again. ' +
      'Call it only when that is wanted; suspend can be undone.',
  },
  true,
  alone('cancel'),
);

const closeTool = forMany(
  {
    name: 'close',
    title: 'Close swarms',
    description:
      'Closes swarms: they take no more items, items that were never run start, and the swarm ends when all have ended. A swarm cannot be opened again. ' +
      `Call it when explain says "open" or "item-not-run", and nothing is going to be added. ${needsToken}`,
  },
  true,
  async (session) => {
    const mage = await session.mage('close');
    return { act: (id) => close(mage, id) };
  },
);

const remove = forMany(
  {
    name: 'remove',
    title: 'Remove groups',
    description:
      'Deletes groups that have ended or never ran, with all results and failures in them. It cannot be undone. Call it only when a person wants them gone: groups expire by themselves.',
  },
  true,
  alone('remove'),
);

type RetryArgs = { id: string; indexes?: number[]; name?: string; error?: string; message?: Record<string, unknown> };

const retry = changingTool<RetryArgs>(
  {
    name: 'retry',
    title: 'Retry failed items',
    description:
      'Runs again the items of an ended group that failed, were cancelled or never started; without filters all of them. ' +
      `Call it when the cause of the failures is gone: failures shows what they are, and error chooses among them. ${needsToken}`,
    properties: {
      id: text('Id of a swarm, chain or root that has ended'),
      indexes: {
        type: 'array',
        items: { type: 'integer', minimum: 0 },
        minItems: 1,
        maxItems: 10_000,
        description: 'Only items with these indexes',
      },
      name: text('Only items with exactly this name'),
      error: text('Only items whose error contains this text'),
      message: { ...object, description: 'Merged over the message of each item that runs again' },
    },
    required: ['id'],
    call: async (session, { id, ...filter }) => {
      const mage = await session.mage('retry');
      return { id, retried: await retryFailed(mage, id, filter satisfies RetryFailedOptions) };
    },
  },
  { destructiveHint: false, idempotentHint: false },
);

const orNone = (schema: JsonSchemaType, description: string): JsonSchemaType => ({
  anyOf: [schema, { type: 'null' }],
  description: `${description}; null for none`,
});
const whole = (minimum = 1): JsonSchemaType => ({ type: 'integer', minimum });

/** The fields that `update` may change. A new row of the config table does not compile without its schema here. */
const limits: Record<ChangeableField, JsonSchemaType> = {
  maxConcurrency: count(1, 1_000_000, 'How many items run at once'),
  rateLimit: orNone(
    {
      type: 'object',
      properties: { limit: whole(), perMs: whole(), burst: whole() },
      required: ['limit', 'perMs'],
      additionalProperties: false,
    },
    'How many items may start (limit) in how many ms (perMs)',
  ),
  stopAfterNFailures: orNone(whole(), 'Stop at so many failures'),
  stopAfterFailureRatio: orNone({ type: 'number', minimum: 0, maximum: 1 }, 'Stop when this fraction has failed'),
  onStop: { type: 'string', enum: ['finish', 'cancel'], description: 'What becomes of running items then' },
  timeoutMs: orNone(whole(), 'Time limit for the whole swarm from its start, in ms'),
  maxItems: orNone(whole(), 'Close the swarm at so many items'),
  closeAfterIdleMs: orNone(whole(), 'Close the swarm when nothing happens for so many ms'),
};

const updateTool = changingTool<{ id: string } & SwarmConfig>(
  {
    name: 'update',
    title: 'Change limits',
    description:
      'Changes limits of a swarm while it runs, and returns its configuration. ' +
      `Call it when explain says "at-its-limit" or "rate-limited" and more may run at once, or to slow a swarm down. ${needsToken}`,
    properties: {
      id: text('Id of a swarm'),
      ...limits,
    },
    required: ['id'],
    call: async (session, { id, ...change }) => {
      if (Object.keys(change).length === 0) throw new UsageError('Nothing to change: pass at least one limit.');
      return { id, config: await update(await session.mage('update'), id, change) };
    },
  },
  { destructiveHint: true, idempotentHint: true },
);

type RunArgs = { task: string; message?: Record<string, unknown>; key?: string; name?: string; tags?: string[] };

const run = changingTool<RunArgs>(
  {
    name: 'run',
    title: 'Run a task',
    description:
      'Starts a task by its name, and returns the id without waiting: show with output: true has its output when it has succeeded. ' +
      `Call it only for a task that is known: it does whatever its author wrote. Some worker has to serve it. ${needsToken}`,
    properties: {
      task: text('Name of the task'),
      message: { ...object, description: 'Its message. Default {}' },
      key: text('Run it only if this key is new; else return its first run'),
      name: text('A name for people. Default: that of the task'),
      tags: { type: 'array', items: { type: 'string' }, maxItems: 20, description: 'Tags, by which list finds it' },
    },
    required: ['task'],
    call: async (session, { task, message = {}, ...options }) => {
      const { id } = await start(await session.mage('run'), task, message, options);
      return { id };
    },
  },
  { destructiveHint: true, idempotentHint: false },
);

type AddArgs = { id: string; task: string; messages: unknown[]; keyField?: string; run?: boolean };

const add = changingTool<AddArgs>(
  {
    name: 'add',
    title: 'Add items',
    description:
      'Adds items to an open swarm, one for each message; a wrong message ends it, and those before it are added. ' +
      `Call it again for more than 100, or use a shell: mageflow add ID TASK --file items.jsonl. ${needsToken}`,
    properties: {
      id: text('Id of an open swarm'),
      task: text('Name of the task that each item runs'),
      messages: { type: 'array', items: object, minItems: 1, maxItems: 100, description: 'Their messages' },
      keyField: text('The field of a message that makes its item unique, so that the call can be repeated'),
      run: { type: 'boolean', description: 'Start the new items. Default: if the swarm has been started' },
    },
    required: ['id', 'task', 'messages'],
    call: async (session, { id, task, messages, keyField, run: starts }) => {
      const mage = await session.mage('add');
      const addition = { id, task, lines: linesFrom(messages), onError: 'stop' as const, keyField, run: starts };
      const { added, wrong } = await addLines(mage, addition);
      const [first] = wrong;
      if (first)
        throw new NoError(`Added ${counted(added, 'item')}, and stopped at message ${first.line}: ${first.error}`);
      return { id, added, known: messages.length - added };
    },
  },
  { destructiveHint: true, idempotentHint: false },
);

async function* linesFrom(messages: readonly unknown[]): AsyncGenerator<Line> {
  for (const [i, message] of messages.entries()) yield { number: i + 1, text: JSON.stringify(message) };
}

/** The tools that change something, which are offered only with `--allow-writes`. */
export const changingTools: readonly Tool[] = [
  suspend,
  resumeTool,
  cancel,
  closeTool,
  remove,
  retry,
  updateTool,
  run,
  add,
];
