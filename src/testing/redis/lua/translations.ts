import { ReplyError } from '../errors';
import type { Script } from './machine';
import { parts, translations } from './translations.generated';

/** Returns whether a script is one of the store's. */
export const isTranslated = ({ sha }: Script): boolean => Object.hasOwn(translations, sha);

/** Returns a script of the store in JavaScript. @throws ReplyError for every other script */
export function translationOf(script: Script): string {
  const numbers = isTranslated(script) ? translations[script.sha] : undefined;
  if (numbers) return numbers.map((number) => parts[number]).join('');
  throw new ReplyError(
    'ERR the in-process Redis runs only the scripts of mageflow itself, and got another one. Use a real Redis for this.',
  );
}
