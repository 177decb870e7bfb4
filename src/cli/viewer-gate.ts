import { randomBytes, timingSafeEqual } from 'node:crypto';
import type { Viewer } from '../viewer';

/** What the gate of the command's viewer stands on. */
export interface GateOptions {
  /** The hosts under which it may be reached, as a browser names them: with the port. */
  hosts: ReadonlySet<string>;
  /** The name of the cookie: browsers keep the cookies of all ports of a host together. */
  cookie: string;
  /** Is told each new one-time token. */
  announce: (token: string) => void;
}

/**
 * Lets those pass who were given an address by the command: its token works once, and becomes a cookie. Other programs and users of
 * the machine, and pages of other hosts that were led here by a name of theirs, are refused.
 */
export class ViewerGate {
  private readonly session = secret();
  private token = '';

  constructor(private readonly options: GateOptions) {
    this.renew();
  }

  /** Wraps a viewer. */
  guard(viewer: Viewer): Viewer {
    const guarded = (request: Request): Promise<Response> => {
      const refused = this.refusal(request);
      return refused ? Promise.resolve(refused) : viewer(request);
    };
    return Object.assign(guarded, { basePath: viewer.basePath, close: () => viewer.close() });
  }

  /** Returns whether the sender has the cookie. */
  knows(request: Request): boolean {
    const { cookie } = this.options;
    const given = (request.headers.get('cookie') ?? '')
      .split(/; */)
      .find((pair) => pair.startsWith(`${cookie}=`))
      ?.slice(cookie.length + 1);
    return given !== undefined && isEqual(given, this.session);
  }

  private refusal(request: Request): Response | undefined {
    const url = new URL(request.url);
    if (!this.options.hosts.has(url.host)) return plain(421, 'This viewer answers only to the host of its address.');
    const token = url.searchParams.get('token');
    if (token !== null && request.method === 'GET' && isEqual(token, this.token)) return this.admit(url);
    if (this.knows(request)) return undefined;
    return plain(
      403,
      'Open the address that `mageflow viewer` has printed. It works once; then it prints another one.',
    );
  }

  /** Gives the cookie, and leads to the address without the token. */
  private admit(url: URL): Response {
    this.renew();
    url.searchParams.delete('token');
    return new Response(null, {
      status: 303,
      headers: {
        location: `${url.pathname}${url.search}`,
        'set-cookie': `${this.options.cookie}=${this.session}; HttpOnly; SameSite=Strict; Path=/`,
        'cache-control': 'no-store',
        'referrer-policy': 'no-referrer',
      },
    });
  }

  private renew(): void {
    this.token = secret();
    this.options.announce(this.token);
  }
}

function secret(): string {
  return randomBytes(24).toString('base64url');
}

/** Takes the same time wherever two texts differ. */
function isEqual(given: string, expected: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)];
  return a.length === b.length && timingSafeEqual(a, b);
}

function plain(status: number, text: string): Response {
  return new Response(`${text}\n`, {
    status,
    headers: { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' },
  });
}
