/** A number that a part has to reach. */
export interface Target {
  what: string;
  /** What must be reached, what would be better (one of them at least), and what came. */
  must?: number;
  aim?: number;
  got: number;
  /** Whether more is better. Default true. */
  more?: boolean;
  unit: string;
}

export interface Table {
  title: string;
  columns: readonly string[];
  rows: readonly (readonly (string | number)[])[];
}

/** What a part measured. */
export interface Measured {
  tables: readonly Table[];
  targets: readonly Target[];
  /** One line each: what belongs to the numbers. */
  notes?: readonly string[];
  /** All that was measured, unrounded. */
  raw: unknown;
}

export interface PartOptions {
  /** How often each side runs; undefined: as often as the part thinks right. */
  rounds?: number | undefined;
  /** Whether also what takes very long is measured. */
  all: boolean;
  /** A share of the usual size, for a look at whether it runs at all. */
  scale: number;
}

/** One benchmark. It runs in a process of its own, on services that were started for it. */
export interface Part {
  name: string;
  about: string;
  /** Services that it needs: an engine with its Postgres and a Redis, or only a Redis. */
  needs: 'stack' | 'redis';
  run(options: PartOptions, say: (line: string) => void): Promise<Measured>;
}

export function isMet({ must, got, more = true }: Target): boolean {
  return must === undefined || (more ? got >= must : got <= must);
}

export function isAimMet({ aim, got, more = true }: Target): boolean {
  return aim !== undefined && (more ? got >= aim : got <= aim);
}
