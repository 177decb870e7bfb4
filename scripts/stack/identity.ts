import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { errorCode } from './errors';

/** A process named for good: pids are given out again, a pid with its start time is not. */
export interface ProcessId {
  pid: number;
  startedAt: string;
}

function linuxStart(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${String(pid)}/stat`, 'utf8');
    // The command's name, in parentheses, may hold blanks: count from behind it. Field 3 is the state, 22 the start.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields[0] === 'Z' || fields[0] === 'X') return undefined;
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return `${boot}:${fields[19] ?? ''}`;
  } catch (error) {
    if (errorCode(error) === 'ENOENT' || errorCode(error) === 'ESRCH') return undefined;
    throw error;
  }
}

function psField(pid: number, field: string): string | undefined {
  try {
    const answer = execFileSync('ps', ['-ww', '-o', `${field}=`, '-p', String(pid)], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return answer.toString().trim() || undefined;
  } catch (error) {
    if (errorCode(error) === 'ENOENT') throw error;
    return undefined; // `ps` exits with 1 when there is no such process
  }
}

export function startTime(pid: number): string | undefined {
  return process.platform === 'linux' ? linuxStart(pid) : psField(pid, 'lstart');
}

export function commandLine(pid: number): string {
  if (process.platform !== 'linux') return psField(pid, 'command') ?? '';
  try {
    return readFileSync(`/proc/${String(pid)}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch (error) {
    if (errorCode(error) === 'ENOENT' || errorCode(error) === 'ESRCH') return '';
    throw error;
  }
}

export function identify(pid: number): ProcessId {
  return { pid, startedAt: startTime(pid) ?? 'gone' };
}

export function isAlive(id: ProcessId): boolean {
  return startTime(id.pid) === id.startedAt;
}

/** Sends a signal; false when the process is gone already. */
export function signalProcess(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch (error) {
    if (errorCode(error) === 'ESRCH') return false;
    throw error;
  }
}
