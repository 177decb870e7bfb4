import type { ViewerRights, ViewerSettings } from './options';
import { Refusal } from './responses';

/** The page sends it with each write. A page of another origin can't, unless this server agreed, which it never does. */
export const ownHeader = 'x-mageflow-viewer';

/** Returns what the sender of a request may do. @throws Refusal for one who may not read */
export async function rightsOf(settings: ViewerSettings, request: Request): Promise<ViewerRights> {
  // What a user's function returns may be something else than its type says: only true is yes.
  const given = (await settings.authorize(request)) as { read?: unknown; write?: unknown } | false | null | undefined;
  if (!given || given.read !== true) throw new Refusal(403, 'You may not look at this.');
  return { read: true, write: given.write === true && !settings.readOnly };
}

/** Lets only a write of the page itself pass, by somebody who may write. @throws Refusal */
export function checkWrite(settings: ViewerSettings, request: Request, rights: ViewerRights): void {
  if (!rights.write) throw new Refusal(403, 'You may look, but not change anything.');
  if (request.headers.get(ownHeader) !== '1')
    throw new Refusal(403, `Expected the header ${ownHeader}: 1, which the page sends.`);
  const type = request.headers.get('content-type')?.split(';')[0]?.trim().toLowerCase();
  if (type !== 'application/json') throw new Refusal(403, 'Expected the content type application/json.');
  const origin = request.headers.get('origin');
  if (origin !== null && !isKnown(settings, request, origin))
    throw new Refusal(
      403,
      `Writes are not taken from ${origin}. \`origins\` of createViewer says from where they are.`,
    );
  const site = request.headers.get('sec-fetch-site');
  if (origin === null && site !== null && site !== 'same-origin' && site !== 'none')
    throw new Refusal(403, 'Writes are not taken from another site.');
}

function isKnown({ origins, trustProxy }: ViewerSettings, request: Request, origin: string): boolean {
  return origins ? origins.has(origin) : origin === ownOrigin(request, trustProxy);
}

/** The origin that a browser sees. */
function ownOrigin(request: Request, trustProxy: boolean): string {
  const { protocol, host } = new URL(request.url);
  const forwarded = (name: string) => (trustProxy ? request.headers.get(name)?.split(',')[0]?.trim() : undefined);
  return `${forwarded('x-forwarded-proto') ?? protocol.slice(0, -1)}://${forwarded('x-forwarded-host') ?? host}`;
}
