const longestName = 60;

/** Returns a name in quotes, on one line and shortened. */
export function quoted(name: string): string {
  return `"${shortened(name, longestName)}"`;
}

/** Returns a text on one line, with at most so many characters. */
export function shortened(text: string, most: number): string {
  const line = text.replaceAll(/\s+/g, ' ').trim();
  // Counts characters, of which some are two units of the text.
  const characters = Array.from(line.slice(0, 2 * most + 2));
  return characters.length > most ? `${characters.slice(0, most).join('')}…` : line;
}
