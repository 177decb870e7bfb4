/** An error that Redis answers with. Callers tell it from others by its name, which is that of ioredis. */
export class ReplyError extends Error {
  override readonly name = 'ReplyError';
}

export const wrongType = (): ReplyError =>
  new ReplyError('WRONGTYPE Operation against a key holding the wrong kind of value');

export const syntaxError = (): ReplyError => new ReplyError('ERR syntax error');

/** @param what - the command, with its option if that is what is not known */
export function notKnown(what: string): ReplyError {
  return new ReplyError(
    `ERR the in-process Redis does not know ${what}: it has only what the store of mageflow uses. Use a real Redis for this.`,
  );
}
