/** What users attach to a task or group in order to find it again. */
export interface Labels {
  tags?: string[];
  metadata?: Record<string, string>;
}

/** For how long a group is kept, in ms. Without a field the instance's own setting counts. */
export interface GroupRetention {
  finishedMs?: number;
  abandonedMs?: number;
}

/** Merges labels, from the outermost to the innermost: all tags, and of equal keys of the metadata the last. */
export function mergeLabels(...parts: readonly (Labels | undefined)[]): Labels {
  const given = parts.filter((part) => part && (part.tags ?? part.metadata));
  if (given.length < 2) return given[0] ?? {};
  const tags = [...new Set(given.flatMap((part) => part?.tags ?? []))];
  const metadata = Object.assign({}, ...given.map((part) => part?.metadata)) as Record<string, string>;
  return {
    ...(tags.length > 0 ? { tags } : {}),
    ...(Object.keys(metadata).length > 0 ? { metadata } : {}),
  };
}

export function parseLabels(json: string | null | undefined): Labels {
  return json ? (JSON.parse(json) as Labels) : {};
}
