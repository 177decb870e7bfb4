import { describe } from '../config/errors';

/** Limits for the causes in a message, because people read it and it travels in inputs. */
const maxDepth = 4;
const maxErrors = 5;
const maxLength = 2_000;

/**
 * The message of a thrown value and of its causes, because "fetch failed" alone explains nothing. The SDK rejects with an
 * array of texts, and user code may throw any value.
 */
export function messageOf(thrown: unknown): string {
  return describeError(thrown, []);
}

function describeError(thrown: unknown, above: readonly unknown[]): string {
  if (Array.isArray(thrown)) return listed(thrown, [...above, thrown]);
  // Recognized by its shape: errors of another realm (Node's own, under a test runner) are no instances of this one's Error.
  const { message, name, code, cause, errors } = Object(thrown) as Record<string, unknown>;
  if (typeof message !== 'string' || typeof thrown !== 'object') return content(thrown);
  const own = message || (typeof code === 'string' ? code : String(name));
  if (above.length >= maxDepth) return own;
  const within = [...above, thrown];
  const parts = [
    Array.isArray(errors) ? listed(errors, within) : '',
    cause === undefined || cause === null || within.includes(cause) ? '' : describeError(cause, within),
  ];
  // Many messages already contain that of their cause.
  return parts.reduce((text, part) => (part === '' || text.includes(part) ? text : `${text} (${cut(part)})`), own);
}

function listed(errors: readonly unknown[], within: readonly unknown[]): string {
  const described = errors
    .slice(0, maxErrors)
    .map((error) => (within.includes(error) ? '' : describeError(error, within)));
  const more = errors.length - described.length;
  return [...new Set(described.filter(Boolean)), ...(more > 0 ? [`and ${more} more`] : [])].join('; ');
}

/** Describes a thrown value that is not an error, with its content. */
function content(thrown: unknown): string {
  if (typeof thrown === 'string') return thrown;
  if (typeof thrown !== 'object' || thrown === null) return describe(thrown);
  const json = jsonOf(thrown);
  return json === undefined || json === '{}' ? describe(thrown) : cut(json);
}

function jsonOf(value: object): string | undefined {
  try {
    return JSON.stringify(value) as string | undefined;
  } catch {
    // A cycle or a BigInt. The caller then describes the value without its content.
    return undefined;
  }
}

function cut(text: string): string {
  return text.length > maxLength ? `${text.slice(0, maxLength)}...` : text;
}
