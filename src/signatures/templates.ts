import { ConfigurationError } from '../errors';
import { engineLimitBytes } from '../messages/json';
import { isGroup, packSpec, unpackSpec, type GroupTemplate, type Spec } from '../store/spec';
import type { Scope } from './scope';

const itemsPerRead = 500;

/** A signature as a callback stores it: by value down to its last item, as each firing is a thing of its own. */
export async function byValue(scope: Scope, spec: Spec, what: string): Promise<Spec> {
  if (spec.group === 'made swarm') return swarmByValue(scope, spec, what);
  if ((spec.group !== 'chain' && spec.group !== 'swarm') || !spec.data) return spec;
  const stored = JSON.parse(spec.data) as GroupTemplate;
  const { below: _below, ...own } = spec;
  return { ...own, data: JSON.stringify({ ...stored, items: await itemsByValue(scope, stored.items, what) }) };
}

async function swarmByValue(scope: Scope, { id = '', task, name }: Spec, what: string): Promise<Spec> {
  const snapshot = await scope.reader.snapshot(id);
  const stored = await scope.reader.configuration(id);
  if (!snapshot || !stored || snapshot.status !== 'pending') {
    throw new ConfigurationError(
      `${what}: expected a swarm that nobody has run, "${name ?? task}" (${id}) ${snapshot ? 'has been' : 'has expired'}. Make another one.`,
    );
  }
  const packed: string[] = [];
  for (let from = 0; from < snapshot.total; from += itemsPerRead)
    packed.push(...(await scope.reader.specs(id, from, Math.min(snapshot.total, from + itemsPerRead))));
  const { options, ...config } = stored;
  const group: GroupTemplate = { items: await itemsByValue(scope, packed, what), ...config };
  if (options) group.options = options;
  const data = JSON.stringify(group);
  const bytes = Buffer.byteLength(data);
  if (bytes > engineLimitBytes) {
    throw new ConfigurationError(
      `${what}: the swarm "${name ?? task}" is too large for a callback (${bytes} bytes, the limit is ${engineLimitBytes}). Hand in a task that makes it.`,
    );
  }
  return { id, task, ...(name === undefined ? {} : { name }), group: 'swarm', data };
}

async function itemsByValue(scope: Scope, items: readonly string[], what: string): Promise<string[]> {
  const values: string[] = [];
  for (const item of items) {
    const { id, ...spec } = unpackSpec(item);
    if (!isGroup(spec)) values.push(item);
    else {
      // A group is made under its id: without one, each firing makes its own.
      const { id: _id, ...value } = await byValue(scope, id === undefined ? spec : { ...spec, id }, what);
      values.push(packSpec(value));
    }
  }
  return values;
}
