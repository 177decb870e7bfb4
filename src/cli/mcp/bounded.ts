/** The longest answer, in characters: a model has to read it all, and clients cut longer ones. */
export const mostCharacters = 30_000;

/** Cuts each long text in a value, and turns times into texts. @param most - characters of a text */
export function shortened(value: unknown, most = 500): unknown {
  return JSON.parse(JSON.stringify(value ?? null), (_key, part: unknown) =>
    typeof part === 'string' ? excerpt(part, most) : part,
  );
}

/** Returns a value as it is, or the beginning of its JSON when that is long. */
export function excerpt(value: string, most: number): string;
export function excerpt(value: unknown, most: number): unknown;
export function excerpt(value: unknown, most: number): unknown {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? 'null');
  return text.length <= most ? value : `${text.slice(0, most).toWellFormed()}… (cut: ${text.length} characters in all)`;
}

/** Reads fewer when the answer is too long, so that a cursor goes on after what is shown. */
export async function fitting(limit: number, read: (limit: number) => Promise<unknown>): Promise<unknown> {
  const found = await read(limit);
  if (limit <= 1 || JSON.stringify(found).length <= mostCharacters) return found;
  return fitting(Math.floor(limit / 2), read);
}

/** Returns the text of an answer. */
export function textOf(answer: unknown): string {
  return excerpt(JSON.stringify(answer), mostCharacters);
}
