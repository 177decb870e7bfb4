import { StoreError } from '../config/errors';
import { systemClock } from '../utils/clock';
import type { ViewerSettings } from './options';
import type { Reads } from './reads';
import { events, problemOf, respond } from './responses';
import type { ViewerReads } from './source';

const againMs = 5_000;

/** Streams the progress of the group that a token is for. Whoever has the token may see it: nobody is asked for other rights. */
export async function serveProgress(
  token: string,
  request: Request,
  { source, reads, settings }: { source: ViewerReads; reads: Reads; settings: ViewerSettings },
): Promise<Response> {
  const headers = corsHeaders(settings, request);
  const text = { ...headers, 'content-type': 'text/plain; charset=utf-8' };
  if (request.method !== 'GET' && request.method !== 'HEAD') return respond(405, 'Expected GET.\n', text);
  try {
    const verified = await source.verifyProgressToken(token);
    switch (verified.state) {
      case 'valid':
        return events(reads.progressEvents(verified, verified.expiresAt.getTime() - systemClock.now()), headers);
      case 'gone':
        // A browser does not connect again after it.
        return respond(204, null, headers);
      case 'invalid':
      case 'expired':
        return respond(403, `This link to a progress is ${verified.state}.\n`, text);
    }
  } catch (error) {
    const { status } = problemOf(error, settings);
    // An answer that is no would end the trials of a browser; after a stream that ends it connects again.
    if (error instanceof StoreError) return events(new Blob([`retry: ${againMs}\n\n`]).stream(), headers);
    return respond(status, 'The progress is not available.\n', text);
  }
}

function corsHeaders({ progressOrigins }: ViewerSettings, request: Request): Record<string, string> {
  const origin = request.headers.get('origin');
  const isKnown = origin !== null && progressOrigins.has(origin);
  return { vary: 'origin', ...(isKnown ? { 'access-control-allow-origin': origin } : {}) };
}
