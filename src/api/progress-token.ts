import { createHmac, timingSafeEqual } from 'node:crypto';
import { refuseUnknown, trueOrFalse, wholeNumber } from '../config/options';
import type { GroupRecord } from '../store/group-reader';
import type { Reading } from './reading';
import { resolve, unknownId } from './resolve';

/** Options of `mage.progressToken`; all optional. */
export interface ProgressTokenOptions {
  /** For how long the token can be used, in ms, from 1 to 366 days. Default: a day (86,400,000). */
  ttlMs?: number | null | undefined;
  /** True to show the name of the group too. Default false: counts and status only. */
  withName?: boolean | undefined;
}

/** What a progress token stands for, or why it stands for nothing. */
export type VerifiedProgressToken =
  | { state: 'valid'; id: string; expiresAt: Date; withName: boolean }
  /** `gone`: its group is not stored any more, so that nobody can tell whether the token was right. */
  | { state: 'invalid' | 'expired' | 'gone' };

const fields = new Set(['ttlMs', 'withName']);
const dayMs = 86_400_000;
const macBytes = 32;
const longestToken = 1_000;

/** Makes a token that shows the progress of one group or item, and nothing else. @throws NotFoundError, ConfigurationError */
export async function progressToken(reading: Reading, id: string, options: ProgressTokenOptions = {}): Promise<string> {
  refuseUnknown(options, fields, 'option of progressToken');
  const ttlMs = wholeNumber('ttlMs', options.ttlMs, dayMs, { max: 366 * dayMs });
  const withName = trueOrFalse('withName', options.withName ?? false);
  const secret = (await holderOf(reading, id))?.secret;
  if (secret === undefined) throw unknownId(id);
  const content = `${reading.reader.clock.now() + ttlMs},${withName ? 1 : 0},${id}`;
  return Buffer.concat([macOf(secret, content), Buffer.from(content)]).toString('base64url');
}

/** Returns what a token stands for. Takes any text. @throws StoreError */
export async function verifyProgressToken(reading: Reading, token: string): Promise<VerifiedProgressToken> {
  const parts = partsOf(token);
  if (!parts) return { state: 'invalid' };
  const { mac, content, expiresAt, withName, id } = parts;
  if (expiresAt <= reading.reader.clock.now()) return { state: 'expired' };
  const holder = await holderOf(reading, id);
  if (!holder) return { state: 'gone' };
  const isOf = (secret: string | undefined) => secret !== undefined && timingSafeEqual(mac, macOf(secret, content));
  const { secret, parent } = holder;
  // A group that was not created yet when its token was made was an item of its parent then.
  const isRight = isOf(secret) || (parent !== undefined && isOf(await reading.reader.secretOf(parent.groupId)));
  return isRight ? { state: 'valid', id, expiresAt: new Date(expiresAt), withName } : { state: 'invalid' };
}

/** Returns the group that an id is, or belongs to. */
async function holderOf(reading: Reading, id: string): Promise<GroupRecord | undefined> {
  const found = await resolve(reading, id);
  return found && reading.reader.record(found.is === 'group' ? found.id : found.groupId);
}

/** The words before the content keep it apart from whatever else is made from the secret. */
function macOf(secret: string, content: string): Buffer {
  return createHmac('sha256', secret).update(`mageflow progress\n${content}`).digest();
}

function partsOf(token: unknown) {
  if (typeof token !== 'string' || token.length > longestToken || !/^[\w-]+$/.test(token)) return undefined;
  const bytes = Buffer.from(token, 'base64url');
  const content = bytes.subarray(macBytes).toString();
  const [, expiresAt, withName, id] = /^(\d{1,15}),([01]),([^]+)$/.exec(content) ?? [];
  if (id === undefined) return undefined;
  return { mac: bytes.subarray(0, macBytes), content, expiresAt: Number(expiresAt), withName: withName === '1', id };
}
