import { openReader, type Reader } from '../../src';
import { packSpec } from '../../src/store/spec';
import { createViewer, type Viewer, type ViewerOptions } from '../../src/viewer';
import { required } from './fixture';
import { StoreFixture, type TestGroup } from './store';

export const host = 'http://viewer.test';

/** A viewer of a reader, on a store without an engine. */
export class ViewerFixture {
  readonly store = new StoreFixture();
  readonly reader: Reader = openReader(required('REDIS_URL'), {
    tenant: 'tenant',
    namespace: 'Namespace',
    keyPrefix: this.store.keyPrefix,
  });
  private readonly viewers: Viewer[] = [];

  viewer(options: ViewerOptions = {}, reader: Reader = this.reader): Viewer {
    const viewer = createViewer(reader, options);
    this.viewers.push(viewer);
    return viewer;
  }

  /** A running swarm that the list shows. */
  async swarm(items: number, name = 'import', message = '{}'): Promise<TestGroup> {
    const specs = Array.from({ length: items }, (_, i) =>
      packSpec({ task: 'row', name: `row ${i}`, data: JSON.stringify({ secret: `secret ${i}` }) }),
    );
    const group = await this.store.group(specs, { name, closed: true, maxConcurrency: 1_000 });
    await this.store.store.topLevelIndex.add(group.id);
    await group.store.run(group.id, message);
    return group;
  }

  async close(): Promise<void> {
    for (const viewer of this.viewers) viewer.close();
    this.reader.close();
    await this.store.close();
  }
}

/** Asks a viewer, and returns its answer. */
export function get(viewer: Viewer, path: string, headers: Record<string, string> = {}): Promise<Response> {
  return viewer(new Request(`${host}${path}`, { headers }));
}

/** Asks a viewer for JSON. @throws when the answer is no */
export async function getJson<T>(viewer: Viewer, path: string): Promise<T> {
  const response = await get(viewer, path);
  const value = (await response.json()) as T;
  if (!response.ok) throw new Error(`${path}: ${response.status} ${JSON.stringify(value)}`);
  return value;
}

/** Sends a write as the page does, unless other headers are given. */
export function post(
  viewer: Viewer,
  path: string,
  body: unknown = {},
  headers: Record<string, string> = { 'content-type': 'application/json', 'x-mageflow-viewer': '1', origin: host },
): Promise<Response> {
  return viewer(new Request(`${host}${path}`, { method: 'POST', body: JSON.stringify(body), headers }));
}
