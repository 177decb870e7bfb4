import { lateRunRef, type RunRef } from '../hatchet/internals';
import { canonical } from '../messages/canonical';
import { bytesOf, encodeMessage } from '../messages/json';
import { packSpec } from '../store/spec';
import type { CaptureRequest, Runtime } from '../worker/runtime';
import { checkWellFormed } from '../config/text';
import { bind, checkRunOptions, type BoundSpec } from './binding';
import { perScript } from './entries';
import { inParts } from '../utils/in-parts';
import { rootIsOver } from './capture-swarm';
import { commandsFor, type Scope } from './scope';
import { StoredEntry } from './stored-entry';
import { itemId } from '../store/ids';
import type { RunOptions } from './types';

/** Publishes runs that a root's body requests from the SDK as children of that root. Returns the SDK's own references. */
export function makeCapture(scope: Scope, registry: Runtime['registry']): Runtime['capture'] {
  const capture: Runtime['capture'] = async (root, requests) => {
    const items = await Promise.all(requests.map((request) => prepareChild(scope, request)));
    const refs: RunRef[] = [];
    for (const some of inParts(items, perScript, ({ packed }) => bytesOf(packed))) {
      const reply = await commandsFor(scope, root).add(
        root.groupId,
        some.map(({ spec, packed, key }) => ({
          spec: packed,
          key: key ?? root.identify('task', spec.task, '{}', canonical(spec.data ?? '{}')),
        })),
        { run: true },
      );
      if (reply.code !== 'added') throw rootIsOver(some[0]?.spec.task ?? '', root);
      for (const [i, index] of reply.indexes.entries()) {
        const { spec, standaloneName } = some[i] as (typeof some)[number];
        const workflow = (await registry.handlerKind(spec.task)) === 'workflow';
        refs.push(reference(scope, { groupId: root.groupId, index }, spec, standaloneName !== undefined || workflow));
      }
    }
    return refs;
  };
  return (root, requests) => root.begin(capture(root, requests));
}

async function prepareChild(scope: Scope, { task, input, key, options = {}, standaloneName }: CaptureRequest) {
  const { additionalMetadata, priority, sticky, desiredWorkerLabels } = options;
  const given = { additionalMetadata, priority, sticky, desiredWorkerLabels };
  const chosen = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as RunOptions;
  const run = checkRunOptions(chosen, `the run of ${task}`);
  if (typeof key === 'string') checkWellFormed(`the key of the run of ${task}`, key);
  const data = encodeMessage(input ?? {}, `the input of ${task}`);
  const spec: BoundSpec = {
    ...(await bind(scope, task)),
    data,
    ...(run ? { options: run } : {}),
  };
  return { spec, packed: packSpec(spec), key, standaloneName };
}

function reference(
  scope: Scope,
  { groupId, index }: { groupId: string; index: number },
  spec: BoundSpec,
  plain: boolean,
): RunRef {
  const who = { id: itemId(groupId, index), name: spec.task, index };
  const entry = new StoredEntry(scope, groupId, String(index), who);
  const result = async (signal: AbortSignal | undefined) => {
    const output = await entry.wait<unknown>(signal ? { signal } : {});
    // The SDK returns the output under the task's name, unless only a name was given.
    return plain ? output : { [spec.task]: output };
  };
  return lateRunRef(scope.engine.hatchet, who.id, () => entry.runId(), result);
}
