import type { Bytes } from './bytes';

const special = /[\\^$.*+?()[\]{}|]/g;

/** Returns a function that tells whether bytes match a pattern of Redis: `*`, `?`, `[ab]`, `[^a-c]`, and `\` before a character. */
export function matcher(pattern: Bytes): (text: Bytes) => boolean {
  const parts = pattern.match(/\\[\s\S]|\[(?:\\[\s\S]|[^\]\\])*\]?|[\s\S]/g) ?? [];
  const expression = parts.map((part) => {
    if (part === '*') return '[\\s\\S]*';
    if (part === '?') return '[\\s\\S]';
    if (part.startsWith('[')) return choice(part);
    return (part.length > 1 ? part.slice(1) : part).replace(special, '\\$&');
  });
  const whole = new RegExp(`^${expression.join('')}$`);
  return (text) => whole.test(text);
}

function choice(part: string): string {
  const inside = part.slice(1, part.length > 1 && part.endsWith(']') ? -1 : undefined);
  const isNegated = inside.startsWith('^');
  const characters = (isNegated ? inside.slice(1) : inside).replace(/\\([\s\S])|([[\]^])/g, (_, escaped, bare) => {
    const character = String(escaped ?? bare);
    return character.replace(/[\\^\]-]|\[/g, '\\$&');
  });
  return `[${isNegated ? '^' : ''}${characters}]`;
}
