import type { Context } from '@hatchet-dev/typescript-sdk';
import {
  replaceDurableSpawner,
  replaceSpawner,
  spawnOptions,
  type DurableSpawn,
  type Spawn,
} from '../../hatchet/internals';
import { metadataOf, type Claim } from '../../hatchet/metadata';
import type { ResolvedConfig } from '../../config/swarm-config';
import { claimToken } from '../../store/executions';
import { newSecret } from '../../store/group-store';
import { childrenId, keyedId } from '../../store/ids';
import { callbackIds, packSpec, type Spec } from '../../store/spec';
import { currentExecution } from '../context';
import { RootCapture } from './root-capture';
import type { CaptureRequest, Runtime } from '../runtime';
import { wrappingOf } from '../wrappings';

/**
 * Makes the claim for a root's run that mageflow did not publish (of the plain declaration, or a cron). The run is stored
 * as a group of its own, so that its children have a parent, and the callbacks of its declaration can run after its end.
 * @param input - the input as the engine stores it: JSON, and not checked further, as plain runs are not
 */
export async function claimPlainRoot(
  { store, reader, signatureIndex, declaredRoot }: Runtime,
  name: string,
  input: unknown,
  ctx: Context<unknown>,
): Promise<Claim> {
  const groupId = keyedId('root run', ctx.workflowRunId());
  const spec: Spec = { ...(await declaredRoot(name)), group: 'root', data: JSON.stringify(input ?? {}) };
  const group = {
    id: groupId,
    kind: 'task' as const,
    name,
    secret: newSecret(),
    closed: true,
    maxConcurrency: 1,
    successCallbacks: [],
    errorCallbacks: [],
  };
  const { created } = await store.create(group, [packSpec(spec)], { message: '' });
  await signatureIndex.record(
    groupId,
    callbackIds(spec).map((id) => ({ id, callbackOf: 0 })),
  );
  // An earlier attempt of this run may have stored it.
  const secret = created ? group.secret : ((await reader.record(groupId))?.secret ?? '');
  return { groupId, entry: '0', token: claimToken(secret, '0'), source: '', own: true };
}

/** Opens the internal swarm of a root's run, or finds the one that an earlier attempt has opened. */
export async function openRoot(
  { store, reader, cache, effects: runner, nesting, suspender, logger }: Runtime,
  { name, config }: { name: string; config: ResolvedConfig },
  claim: Claim,
  ctx: Context<unknown>,
): Promise<RootCapture> {
  const { groupId, entry } = claim;
  const metadata = metadataOf(claim, ctx.additionalMetadata());
  const children = childrenId(groupId, entry);
  const shown = `root-swarm:${name}`;
  const [suspension, retention] = await Promise.all([reader.suspensions.of(groupId), reader.retentionOf(groupId)]);
  const above = {
    ...(metadata.chain ? { chain: metadata.chain } : {}),
    root: metadata.signature || groupId,
    parentRun: ctx.workflowRunId(),
    parentTask: ctx.taskRunExternalId(),
    ...(metadata.tags.length > 0 ? { labels: { tags: [...metadata.tags] } } : {}),
  };
  const group = {
    id: children,
    kind: 'root' as const,
    name: shown,
    secret: newSecret(),
    closed: false,
    ...config,
    successCallbacks: [],
    errorCallbacks: [],
    parent: { groupId, entry, round: suspension?.round ?? 0, retention },
    ...(suspension?.suspended ? { suspended: suspension.version } : {}),
    above,
  };
  const { created, effects } = await store.create(group, [], { message: '' });
  if (created) cache.made(group, effects.version);
  else await nesting.reopen(children, groupId, above);
  // Its time limit is an effect.
  await runner.carryOut(children, effects);
  await suspender.inherit(children, { groupId, entry });
  return new RootCapture(children, shown, store.identity, logger);
}

/**
 * Captures the runs that the context's methods start (`ctx.runChild`, `ctx.spawnChild` and similar ones). They are children of
 * this root wherever they are called, as in a queue that several bodies share. In a durable body `run` of a declaration is
 * `ctx.spawnChild`, so a declaration that mageflow does not know stays the SDK's.
 */
export function captureContext({ capture }: Runtime, ctx: Context<unknown>, root: RootCapture): void {
  const captures = () => currentExecution()?.without !== root && root.captures();
  replaceSpawner(ctx, (plain) => ({
    runWorkflow: async (workflowName, input, options) => {
      if (!captures()) return plain.runWorkflow(workflowName, input, options);
      return (await capture(root, [request({ workflowName, input, options })]))[0]!;
    },
    runWorkflows: async (runs) => (captures() ? capture(root, runs.map(request)) : plain.runWorkflows(runs)),
  }));
  replaceDurableSpawner(ctx, (plain) => async (children) => {
    if (!captures()) return plain(children);
    const isOwn = children.map(({ workflow }) => typeof workflow === 'string' || isWrappedIn(workflow, root.store));
    const others = children.filter((_, i) => !isOwn[i]);
    const own = children.filter((_, i) => isOwn[i]).map(durableRequest);
    const [rest, outputs] = await Promise.all([
      others.length > 0 ? plain(others) : [],
      capture(root, own).then((refs) => Promise.all(refs.map((ref) => ref.output as Promise<unknown>))),
    ]);
    return isOwn.map((one) => (one ? outputs : rest).shift());
  });
}

function isWrappedIn(declaration: object, store: string): boolean {
  return wrappingOf(declaration)?.stores.has(store) ?? false;
}

function request(spawn: Spawn): CaptureRequest {
  return { task: spawn.workflowName, input: spawn.input, ...spawnOptions(spawn) };
}

/** A durable body receives the output of a single task as it is, however the task was named. */
function durableRequest({ workflow, input, options }: DurableSpawn): CaptureRequest {
  const task = typeof workflow === 'string' ? workflow : workflow.name;
  return { task, input, ...spawnOptions({ options }), standaloneName: task };
}
