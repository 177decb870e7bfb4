/** Returns the time of a reply to TIME, in ms. */
export function timeIn([seconds = 0, micros = 0]: readonly (string | number)[]): number {
  return Number(seconds) * 1_000 + Math.floor(Number(micros) / 1_000);
}

/** Returns the names and values of a reply that holds them one after the other. */
export function pairsIn(flat: readonly string[]): [name: string, value: string][] {
  return flat.flatMap((name, i) => (i % 2 === 0 ? [[name, flat[i + 1] ?? ''] as [string, string]] : []));
}
