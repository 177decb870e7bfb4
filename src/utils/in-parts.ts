/** The most that one part may hold. A single item that is larger than `bytes` is a part of its own. */
export interface PartLimit {
  items: number;
  /** Default: any number. */
  bytes?: number;
}

/** Cuts a list into parts, in order. The parts of an empty list are none. @param bytesOf - the size of an item in bytes */
export function inParts<T>(list: readonly T[], limit: PartLimit, bytesOf?: (item: T) => number): T[][] {
  const parts: T[][] = [];
  const collector = new PartCollector(limit, bytesOf);
  for (const item of list) {
    const complete = collector.add(item);
    if (complete) parts.push(complete);
  }
  const rest = collector.take();
  return rest.length > 0 ? [...parts, rest] : parts;
}

/** Collects the items of a stream into parts. */
export class PartCollector<T> {
  private part: T[] = [];
  private bytes = 0;

  constructor(
    private readonly limit: PartLimit,
    private readonly bytesOf: (item: T) => number = () => 0,
  ) {}

  /** Adds an item. @returns the part that is complete now: with the item, or before it if it does not fit in */
  add(item: T): T[] | undefined {
    const size = this.bytesOf(item);
    const fits = this.part.length === 0 || this.bytes + size <= (this.limit.bytes ?? Infinity);
    const before = fits ? undefined : this.take();
    this.part.push(item);
    this.bytes += size;
    return before ?? (this.part.length >= this.limit.items ? this.take() : undefined);
  }

  /** Returns what is collected and begins the next part. */
  take(): T[] {
    const { part } = this;
    this.part = [];
    this.bytes = 0;
    return part;
  }
}
