// Pins (api.md, Control and sight): what `mage.list` and `mage.describe` take and give.
import type {
  Description,
  DescribeOptions,
  ListedSignature,
  Listing,
  ListOptions,
  Mageflow,
  Progress,
  SignatureStatus,
} from 'mageflow';
import { exactly } from './helpers';

export async function listing(mage: Mageflow): Promise<void> {
  const page = await mage.list();
  exactly<Listing>()(page);
  const [first] = page.items;
  exactly<ListedSignature | undefined>()(first);
  if (first) {
    const { id, kind, name, status, createdAt } = first;
    exactly<string>()(id);
    exactly<'task' | 'root' | 'chain' | 'swarm'>()(kind);
    exactly<string>()(name);
    exactly<SignatureStatus>()(status);
    exactly<Date>()(createdAt);
  }
  // What a page gives is handed in as it is.
  await mage.list({ cursor: page.cursor });
  const options: ListOptions = { kind: 'root', status: 'suspended', name: 'nightly', limit: 10, cursor: 'x' };
  await mage.list(options);
  await mage.list({ kind: null, status: undefined });
  // @ts-expect-error -- no kind
  await mage.list({ kind: 'group' });
  // @ts-expect-error -- no status
  await mage.list({ status: 'done' });
  // @ts-expect-error -- a text
  await mage.list({ cursor: 5 });
  // @ts-expect-error -- no field
  await mage.list({ depth: 1 });
}

export async function describing(mage: Mageflow): Promise<void> {
  const tree = await mage.describe('id');
  exactly<Description>()(tree);
  exactly<Description[]>()(tree.children);
  exactly<Progress | undefined>()(tree.progress);
  exactly<string | undefined>()(tree.runId);
  exactly<string | undefined>()(tree.error);
  exactly<ListedSignature['kind']>()(tree.kind);
  for (const { id, cursor } of tree.children) if (cursor !== undefined) await mage.describe(id, { cursor });
  const options: DescribeOptions = { depth: 3, limit: 10, cursor: tree.cursor };
  await mage.describe('id', options);
  await mage.describe('id', { depth: null });
  // @ts-expect-error -- an id
  await mage.describe();
  // @ts-expect-error -- a number
  await mage.describe('id', { depth: '1' });
  // @ts-expect-error -- no field
  await mage.describe('id', { status: 'failed' });
}
