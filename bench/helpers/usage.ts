import type { Redis } from 'ioredis';
import { cpus } from 'node:os';

/** Seconds of processor time that the server has used. */
export async function cpuSeconds(redis: Redis): Promise<number> {
  const info = await redis.info('cpu');
  const of = (name: string) => Number(new RegExp(`${name}:([\\d.]+)`).exec(info)?.[1]);
  return of('used_cpu_user') + of('used_cpu_sys');
}

/** How often each command was called since the statistics were reset, the most frequent ones first. */
export async function commandCounts(redis: Redis): Promise<{ name: string; calls: number }[]> {
  return [...(await redis.info('commandstats')).matchAll(/cmdstat_(\S+?):calls=(\d+)/g)]
    .map(([, name = '', calls]) => ({ name, calls: Number(calls) }))
    .sort((a, b) => b.calls - a.calls);
}

/** Seconds of processor time that all of the machine has used. */
export function machineCpuSeconds(): number {
  const used = cpus().map(({ times }) => times.user + times.nice + times.sys + times.irq);
  return used.reduce((sum, ms) => sum + ms, 0) / 1000;
}
