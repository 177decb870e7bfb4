import { version } from '../../package.json';
import { act, isAction } from './actions';
import { checkWrite, rightsOf } from './access';
import { serveAsset } from './assets';
import { bodyOf } from './body';
import { serveDocument } from './document';
import { resolveViewerOptions, type ViewerOptions, type ViewerRights } from './options';
import { Reads } from './reads';
import { serveProgress } from './progress';
import { events, json, problemOf, Refusal } from './responses';
import { checkSource, tenantOf, writesOf, type ViewerSource } from './source';

/** A viewer: a fetch handler, with what ends it. */
export interface Viewer {
  (request: Request): Promise<Response>;
  /** The path below which browsers see it; '' for the root of the host. */
  readonly basePath: string;
  /** Ends all event streams. Later requests are answered with 503. Closing its `Mageflow` or reader closes it too. */
  close(): void;
}

/**
 * Makes a web page of what the store holds, live: a fetch handler for Hono, Next, Bun and others; `toNodeListener` makes a
 * listener for `http`, Express and Fastify of it.
 * @param source - a `Mageflow`, or a reader that `openReader` returns, which can't change anything
 * @throws ConfigurationError when an option is invalid; it names the option, the expected value and the given one
 * @example
 * const viewer = createViewer(mage, {
 *   basePath: '/ops/mageflow',
 *   readOnly: false,
 *   authorize: async (request) => {
 *     const user = await userOf(request.headers.get('cookie'));
 *     return user ? { read: true, write: user.isOperator } : false;
 *   },
 * });
 * app.use('/ops/mageflow', toNodeListener(viewer));
 */
export function createViewer(source: ViewerSource, options: ViewerOptions = {}): Viewer {
  checkSource(source);
  const writes = writesOf(source);
  const settings = resolveViewerOptions(options, writes !== undefined);
  const { basePath } = settings;
  let isClosed = false;
  let forget = () => {};
  const close = () => {
    isClosed = true;
    reads.close();
    forget();
  };
  const reads = new Reads(source, { settings, tenant: tenantOf(source) }, close);
  forget = source.onClose(close);

  const answer = async (request: Request): Promise<Response> => {
    if (isClosed) throw new Refusal(503, 'This viewer is closed.');
    const { pathname, searchParams } = new URL(request.url);
    const path = pathBelow(basePath, pathname);
    const [first, ...rest] = path;
    if (first === 'progress' && rest[0] !== undefined && rest.length === 1)
      return serveProgress(rest[0], request, { source, reads, settings });
    const rights = await rightsOf(settings, request);
    const isRead = request.method === 'GET' || request.method === 'HEAD';
    if (first !== 'api') {
      if (!isRead) throw new Refusal(405, 'Expected GET.');
      const file = first === 'assets' && rest[0] !== undefined ? serveAsset(rest[0], request) : undefined;
      if (file) return file;
      // The page's own addresses: the list, and one group or item.
      if (path.length === 0 || (first === 'work' && path.length === 2))
        return serveDocument(basePath, { canWrite: rights.write, version });
      throw new Refusal(404, 'There is no such page.');
    }
    return isRead ? read(rest, searchParams) : write(rest, request, rights);
  };

  const read = async (path: readonly string[], query: URLSearchParams): Promise<Response> => {
    const [area, id, what] = path;
    if (area === 'list' && path.length === 1) return json(await reads.list(query));
    if (area === 'list' && id === 'events' && path.length === 2) return events(reads.listEvents(query));
    if (area !== 'work' || id === undefined || path.length > 3) throw new Refusal(404, 'There is no such address.');
    switch (what) {
      case undefined:
        return json(await reads.work(id));
      case 'events':
        return events(await reads.workEvents(id));
      case 'items':
        return json(await reads.items(id, query));
      case 'children':
        return json(await reads.children(id, query));
      case 'failures':
        return json(await reads.failures(id, query));
      case 'explain':
        return json(await reads.explain(id));
      case 'timeline':
        return json(await reads.timeline(id));
      case 'payload':
        return json(await reads.payload(id, query.get('part')));
      default:
        throw new Refusal(404, 'There is no such address.');
    }
  };

  const write = async (path: readonly string[], request: Request, rights: ViewerRights): Promise<Response> => {
    checkWrite(settings, request, rights);
    const [area, id, name] = path;
    if (request.method !== 'POST') throw new Refusal(405, 'Expected GET or POST.');
    if (area !== 'work' || id === undefined || name === undefined || path.length > 3 || !isAction(name) || !writes)
      throw new Refusal(404, 'There is no such action.');
    const body = await bodyOf(request);
    try {
      return json(await act(writes, id, name, body));
    } finally {
      // What has failed may have changed something before.
      reads.refresh();
    }
  };

  const viewer = async (request: Request): Promise<Response> => {
    try {
      const response = await answer(request);
      return request.method === 'HEAD' ? await withoutBody(response) : response;
    } catch (error) {
      const { status, problem } = problemOf(error, settings);
      return json(problem, status);
    }
  };
  return Object.assign(viewer, { basePath, close });
}

/** Nobody reads the body of an answer to HEAD: a stream would stay open. */
async function withoutBody({ status, headers, body }: Response): Promise<Response> {
  await body?.cancel();
  return new Response(null, { status, headers });
}

/** Returns the parts of a path below the base, which a framework may have removed already. @throws Refusal */
function pathBelow(basePath: string, pathname: string): string[] {
  const isBelow = pathname === basePath || pathname.startsWith(`${basePath}/`);
  const path = isBelow ? pathname.slice(basePath.length) : pathname;
  try {
    return path.split('/').filter(Boolean).map(decodeURIComponent);
  } catch {
    throw new Refusal(400, 'Expected a path of UTF-8 text.');
  }
}
