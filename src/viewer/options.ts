import { ConfigurationError, describe } from '../config/errors';
import { refuseUnknown, trueOrFalse } from '../config/options';

/** What somebody may do. */
export interface ViewerRights {
  read: boolean;
  write: boolean;
}

/** Where a value that is shown comes from. */
export interface RedactedPart {
  part: 'message' | 'output' | 'error' | 'metadata';
  /** The id of the signature. */
  id: string;
  /** Its name; of a group of failures, that of the group. */
  name: string;
}

/** Options of `createViewer`; all optional. */
export interface ViewerOptions {
  /** The path below which browsers see the viewer, such as `'/ops/mageflow'`. Default: the root of the host. */
  basePath?: string | undefined;
  /** False to let those change groups to whom `authorize` gives `write`. Default true. */
  readOnly?: boolean | undefined;
  /**
   * Returns what the sender of a request may do; false for nothing. It gets the request with its headers, so that it can read a
   * session cookie. Default: everyone may read, nobody may write.
   */
  authorize?: ((request: Request) => ViewerRights | false | Promise<ViewerRights | false>) | undefined;
  /**
   * Changes a payload before it is sent: a message, an output, an error or metadata. It gets the value and where it is from,
   * and returns what is shown instead. When it throws, nothing is shown. Default: payloads are shown as they are.
   */
  redact?: ((value: unknown, where: RedactedPart) => unknown) | undefined;
  /** The address of Hatchet's dashboard, such as `'https://hatchet.example.com'`, for links to runs. Default: no links. */
  hatchetUrl?: string | undefined;
  /** The origins from which writes are taken, such as `['https://ops.example.com']`. Default: the one of the request itself. */
  origins?: readonly string[] | undefined;
  /**
   * The origins whose pages may read the progress of a group with a token of `mage.progressToken`, such as
   * `['https://shop.example.com']`. Default: only that of the viewer.
   */
  progressOrigins?: readonly string[] | undefined;
  /** True to take the origin of a request from `X-Forwarded-Proto` and `X-Forwarded-Host`. Default false. */
  trustProxy?: boolean | undefined;
  /** Receives errors that were not expected. Default: the console. */
  logger?: { error(message: string, error?: Error): unknown } | undefined;
}

/** Options with every default filled in. */
export interface ViewerSettings {
  basePath: string;
  readOnly: boolean;
  authorize: (request: Request) => ViewerRights | false | Promise<ViewerRights | false>;
  redact: (value: unknown, where: RedactedPart) => unknown;
  hatchetUrl: string | undefined;
  origins: ReadonlySet<string> | undefined;
  progressOrigins: ReadonlySet<string>;
  trustProxy: boolean;
  logger: { error(message: string, error?: Error): unknown };
}

const fields = new Set([
  'basePath',
  'readOnly',
  'authorize',
  'redact',
  'hatchetUrl',
  'origins',
  'progressOrigins',
  'trustProxy',
  'logger',
]);

/** @param canWrite - whether the source can change groups. @throws ConfigurationError */
export function resolveViewerOptions(options: ViewerOptions, canWrite: boolean): ViewerSettings {
  refuseUnknown(options, fields, 'option of createViewer');
  const { authorize, redact, hatchetUrl, origins, progressOrigins = [], logger } = options;
  const readOnly = trueOrFalse('readOnly', options.readOnly ?? true);
  if (!readOnly && !authorize)
    throw new ConfigurationError(
      'readOnly: false needs `authorize`, which says who may change groups. Without it everyone could.',
    );
  if (!readOnly && !canWrite)
    throw new ConfigurationError('readOnly: false needs a Mageflow. A reader changes nothing: leave readOnly out.');
  return {
    basePath: basePathOf(options.basePath ?? ''),
    readOnly,
    authorize: functionOf('authorize', authorize) ?? (() => ({ read: true, write: false })),
    redact: functionOf('redact', redact) ?? ((value) => value),
    hatchetUrl: hatchetUrl === undefined ? undefined : urlOf('hatchetUrl', hatchetUrl).href.replace(/\/+$/, ''),
    origins: origins && originsOf('origins', origins),
    progressOrigins: originsOf('progressOrigins', progressOrigins),
    trustProxy: trueOrFalse('trustProxy', options.trustProxy ?? false),
    logger: logger ?? console,
  };
}

function basePathOf(path: unknown): string {
  if (path === '' || path === '/') return '';
  if (typeof path === 'string' && /^(\/[\w.~-]+)+\/?$/.test(path)) return path.replace(/\/$/, '');
  throw new ConfigurationError(
    `basePath: expected a path such as '/ops/mageflow' (letters, digits and . _ ~ -), got ${describe(path)}.`,
  );
}

function functionOf<F>(field: string, value: F | undefined): F | undefined {
  if (value === undefined || typeof value === 'function') return value;
  throw new ConfigurationError(`${field}: expected a function, got ${describe(value)}.`);
}

function originsOf(field: string, origins: unknown): Set<string> {
  if (!Array.isArray(origins))
    throw new ConfigurationError(`${field}: expected a list of addresses, got ${describe(origins)}.`);
  return new Set(origins.map((origin) => urlOf(field, origin).origin));
}

function urlOf(field: string, text: unknown): URL {
  const url = typeof text === 'string' && URL.canParse(text) ? new URL(text) : undefined;
  if (url && (url.protocol === 'http:' || url.protocol === 'https:')) return url;
  throw new ConfigurationError(
    `${field}: expected an address that begins with http:// or https://, got ${describe(text)}.`,
  );
}
