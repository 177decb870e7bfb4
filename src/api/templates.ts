import { ConfigurationError } from '../config/errors';
import { engineLimitBytes } from '../messages/json';
import { nestedId, parseItemId } from '../store/ids';
import {
  displayName,
  isGroup,
  packSpec,
  packTemplate,
  templateIn,
  unpackSpec,
  type GroupTemplate,
  type Spec,
} from '../store/spec';
import type { Scope } from './scope';

const itemsPerRead = 500;

/** Returns the form that is stored for a callback: a full copy with all nested items, because each invocation creates its own. */
export async function byValue(scope: Scope, spec: Spec, what: string): Promise<Spec> {
  if (spec.group === 'swarm-ref') return swarmByValue(scope, spec, what);
  if (spec.group !== 'chain' && spec.group !== 'swarm') {
    refuseDropped(spec, spec, what);
    return spec;
  }
  const { below: _below, dropped: _dropped, ...own } = spec;
  const { items, ...config } = templateIn(spec) ?? (await groupAsItWas(scope, spec, what));
  return { ...own, data: packTemplate({ ...config, items: await itemsByValue(scope, items, what) }) };
}

/** Reads the template of a chain or swarm that was run from its group. */
async function groupAsItWas(scope: Scope, spec: Spec, what: string): Promise<GroupTemplate> {
  const { id = '', task, name = task } = spec;
  const item = parseItemId(id);
  const known = await scope.reader.snapshot(id);
  const groupId = known || !item ? id : nestedId(item.groupId, String(item.index));
  const template = await storedTemplate(scope, groupId, `${what}: "${name}"`);
  if (!template)
    throw new ConfigurationError(`${what}: the ${spec.group} "${name}" (${id}) has expired. Create another one.`);
  for (const packed of template.items) refuseDropped(unpackSpec(packed), spec, what);
  return template;
}

async function swarmByValue(scope: Scope, { id = '', task, name }: Spec, what: string): Promise<Spec> {
  const called = displayName({ task, name });
  const status = (await scope.reader.snapshot(id))?.status;
  const stored = status === 'pending' ? await storedTemplate(scope, id, `${what}: the swarm "${called}"`) : undefined;
  if (!stored) {
    throw new ConfigurationError(
      `${what}: expected a swarm that was not run yet, but "${called}" (${id}) ${status ? 'was run' : 'has expired'}. Create another one.`,
    );
  }
  const data = packTemplate({ ...stored, items: await itemsByValue(scope, stored.items, what) });
  return { id, task, ...(name === undefined ? {} : { name }), group: 'swarm', data };
}

/** Reads the template of a group. @throws ConfigurationError when it is too large to be stored once more */
async function storedTemplate(scope: Scope, id: string, what: string): Promise<GroupTemplate | undefined> {
  const total = (await scope.reader.snapshot(id))?.total;
  const config = await scope.reader.configuration(id);
  if (total === undefined || !config) return undefined;
  const items: string[] = [];
  let bytes = 0;
  for (let from = 0; from < total; from += itemsPerRead) {
    for (const packed of await scope.reader.specs(id, from, Math.min(total, from + itemsPerRead))) {
      items.push(packed);
      bytes += Buffer.byteLength(packed);
    }
    if (bytes > engineLimitBytes)
      throw new ConfigurationError(
        `${what} is too large for a callback (its first ${items.length} items are ${bytes} bytes, the limit is ${engineLimitBytes}). Pass a task that creates the group instead.`,
      );
  }
  return { ...config, items };
}

async function itemsByValue(scope: Scope, items: readonly string[], what: string): Promise<string[]> {
  const values: string[] = [];
  for (const item of items) {
    const { id, ...spec } = unpackSpec(item);
    if (!isGroup(spec)) values.push(item);
    else {
      // Removes the id: a group is created under its id, and each invocation needs its own.
      const { id: _id, ...value } = await byValue(scope, id === undefined ? spec : { ...spec, id }, what);
      values.push(packSpec(value));
    }
  }
  return values;
}

/** @throws ConfigurationError when Redis no longer has the bound data of a signature, or of an item of it */
function refuseDropped({ dropped }: Spec, { task, name = task, id }: Spec, what: string): void {
  if (!dropped) return;
  throw new ConfigurationError(
    `${what}: "${name}" (${id}) was run as an item, and its bound data is not stored any more. Sign the task again.`,
  );
}
