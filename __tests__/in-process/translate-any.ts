import type * as TranslateModule from '../../scripts/lua/translate';
import type { Script } from '../../src/testing/redis/lua/machine';
import { isTranslated, translationOf } from '../../src/testing/redis/lua/translations';

/** Translates each script, also one that is not of the store. */
export function translateAny(script: Script): string {
  if (isTranslated(script)) return translationOf(script);
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- Loaded only here: it takes its time in each suite.
  const { translate } = require('../../scripts/lua/translate') as typeof TranslateModule;
  return translate(script.lua).join('');
}
