/** Whether all is tried, as `npm run faults` does, or a sample of it. */
export const thorough = process.env['THOROUGH'] === '1';

/** How many random rounds of something are tried, of so many. */
export function sampled(count: number): number {
  return thorough ? count : Math.ceil(count / 4);
}
