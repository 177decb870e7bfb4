import { StackError } from './errors';
import { isReachable } from './ports';
import { poll } from './wait';

const PREFIX = 'HATCHET_CLIENT_';
const REACHABLE_MS = 5_000;

/** Where a token says that its engine is; the SDK reads it there too when no address is given. */
function addressIn(token: string): string | undefined {
  try {
    const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as Record<
      string,
      unknown
    >;
    const address = claims['grpc_broadcast_address'];
    return typeof address === 'string' ? address : undefined;
  } catch {
    return undefined; // no token of the usual form: the client will say more about it than we could
  }
}

/** The settings of the engine that the environment names, or undefined when it names none. */
export async function existingEngine(): Promise<Record<string, string> | undefined> {
  const token = process.env['HATCHET_CLIENT_TOKEN'];
  if (token === undefined || token === '') return undefined;
  const [host, port] = (process.env['HATCHET_CLIENT_HOST_PORT'] ?? addressIn(token) ?? '').split(':');
  if (host && port) {
    const reachable = await poll(() => isReachable(host, Number(port)), { timeoutMs: REACHABLE_MS, everyMs: 250 });
    if (reachable === undefined) {
      throw new StackError(
        `Expected the engine that HATCHET_CLIENT_TOKEN belongs to at ${host}:${port}, but nothing accepts connections there. Start it, or unset HATCHET_CLIENT_TOKEN to get one of the stack's own.`,
      );
    }
  }
  const given = Object.entries(process.env).filter(([name]) => name.startsWith(PREFIX));
  return Object.fromEntries(given.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));
}
