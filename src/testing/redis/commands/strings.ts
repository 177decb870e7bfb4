import { bytesOf } from '../bytes';
import { notKnown, ReplyError, syntaxError } from '../errors';
import { ok } from '../replies';
import { integer, span } from './arguments';
import { atLeast, exactly, type Commands } from './command';

const longest = 512 * 1024 * 1024;
const options = new Set(['NX', 'XX', 'KEEPTTL', 'PX', 'EX']);
/** Options of Redis that nothing here uses. */
const others = new Set(['GET', 'EXAT', 'PXAT']);

/** Reads the options of SET. `ttl`: in ms, Infinity for none, undefined to keep the one that there is. */
function optionsOf(words: readonly string[]): { nx: boolean; xx: boolean; ttl: number | undefined } {
  const left = [...words];
  const found = { nx: false, xx: false, ttl: Infinity as number | undefined };
  const lifetimes: { name: string; text: string | undefined }[] = [];
  while (left.length > 0) {
    const name = (left.shift() ?? '').toUpperCase();
    if (others.has(name)) throw notKnown(`the option ${name} of SET`);
    if (!options.has(name)) throw syntaxError();
    if (name === 'NX') found.nx = true;
    else if (name === 'XX') found.xx = true;
    else {
      const text = name === 'KEEPTTL' ? undefined : left.shift();
      if (name !== 'KEEPTTL' && text === undefined) throw syntaxError();
      lifetimes.push({ name, text });
    }
  }
  // The same one may be repeated; then the last one counts.
  if (new Set(lifetimes.map(({ name }) => name)).size > 1 || (found.nx && found.xx)) throw syntaxError();
  const lifetime = lifetimes.at(-1);
  if (lifetime) {
    const { name, text } = lifetime;
    found.ttl = text === undefined ? undefined : integer(text) * (name === 'EX' ? 1_000 : 1);
  }
  if (found.ttl !== undefined && found.ttl <= 0) throw new ReplyError("ERR invalid expire time in 'set' command");
  return found;
}

export const strings: Commands = {
  GET: exactly(1, ({ keyspace }, [key = '']) => keyspace.text(key) ?? null),
  SET: atLeast(2, ({ keyspace }, [key = '', value = '', ...words]) => {
    const { nx, xx, ttl } = optionsOf(words);
    if (keyspace.has(key) ? nx : xx) return null;
    keyspace.set(key, value, ttl === undefined ? undefined : keyspace.now + ttl);
    return ok;
  }),
  STRLEN: exactly(1, ({ keyspace }, [key = '']) => (keyspace.text(key) ?? '').length),
  GETRANGE: exactly(3, ({ keyspace }, [key = '', first = '', last = '']) => {
    const places = [integer(first), integer(last)] as const;
    const text = keyspace.text(key) ?? '';
    // Two places in front of the beginning are out of order here, though not in a list.
    if (places[0] < 0 && places[1] < 0 && places[0] > places[1]) return '';
    const { from, to } = span(text.length, places[0], Math.max(places[1], -text.length));
    return text.slice(from, to);
  }),
  SETRANGE: exactly(3, ({ keyspace }, [key = '', at = '', value = '']) => {
    const offset = integer(at);
    if (offset < 0) throw new ReplyError('ERR offset is out of range');
    const text = keyspace.text(key) ?? '';
    if (value === '') return text.length;
    if (offset + value.length > longest)
      throw new ReplyError('ERR string exceeds maximum allowed size (proto-max-bulk-len)');
    const begin = text.slice(0, offset).padEnd(offset, bytesOf('\0'));
    return keyspace.set(key, begin + value + text.slice(offset + value.length)).length;
  }),
};
