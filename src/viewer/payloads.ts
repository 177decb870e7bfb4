import type { RedactedPart, ViewerSettings } from './options';
import type { PayloadView } from './wire';

const shownCharacters = 200_000;
const shownErrorCharacters = 10_000;

/** Returns a payload as indented JSON, after `redact`. Of a long one only the beginning. */
export function payloadView({ redact }: ViewerSettings, value: unknown, where: RedactedPart): PayloadView {
  const text = JSON.stringify(redact(value, where), undefined, 2) ?? '';
  return { text: text.slice(0, shownCharacters), length: text.length };
}

/** Returns the message of an error after `redact`; of a long one only the beginning. */
export function errorText(
  { redact }: ViewerSettings,
  error: string | undefined,
  where: Omit<RedactedPart, 'part'>,
): string | undefined {
  if (error === undefined) return undefined;
  const shown = redact(error, { ...where, part: 'error' });
  if (shown === undefined || shown === null) return undefined;
  const text = typeof shown === 'string' ? shown : JSON.stringify(shown);
  return text.length > shownErrorCharacters ? `${text.slice(0, shownErrorCharacters)}…` : text;
}

/** Returns metadata after `redact`, with texts as values. */
export function metadataView(
  { redact }: ViewerSettings,
  metadata: Record<string, string> | undefined,
  where: Omit<RedactedPart, 'part'>,
): Record<string, string> | undefined {
  if (metadata === undefined) return undefined;
  const shown = redact(metadata, { ...where, part: 'metadata' });
  if (typeof shown !== 'object' || shown === null) return undefined;
  return Object.fromEntries(
    Object.entries(shown).map(([key, value]) => [key, typeof value === 'string' ? value : JSON.stringify(value)]),
  );
}
