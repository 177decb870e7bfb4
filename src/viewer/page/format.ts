const numbers = new Intl.NumberFormat('en-US');
const dates = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });
const clockTimes = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium' });

export function count(value: number): string {
  return numbers.format(value);
}

/** "1 item", "2 items", "2 matches". */
export function counted(value: number, noun: string): string {
  const many = noun.endsWith('ch') ? `${noun}es` : `${noun}s`;
  return `${count(value)} ${value === 1 ? noun : many}`;
}

export function absolute(time: number): string {
  return dates.format(time);
}

export function clockTime(time: number): string {
  return clockTimes.format(time);
}

/** How long something lasts, in one unit or two. */
export function lasting(ms: number): string {
  if (ms < 1_000) return `${Math.max(0, Math.round(ms))} ms`;
  const s = Math.round(ms / 1_000);
  if (s < 60) return ms < 10_000 ? `${(ms / 1_000).toFixed(1)} s` : `${s} s`;
  if (s < 3_600) return `${Math.floor(s / 60)} min${s % 60 > 0 && s < 600 ? ` ${s % 60} s` : ''}`;
  if (s < 86_400) return `${Math.floor(s / 3_600)} h${s % 3_600 >= 60 ? ` ${Math.floor((s % 3_600) / 60)} min` : ''}`;
  return `${Math.floor(s / 86_400)} d${s % 86_400 >= 3_600 ? ` ${Math.floor((s % 86_400) / 3_600)} h` : ''}`;
}

/** How long ago something was, in one unit, which changes seldom. */
export function ago(time: number, now: number): string {
  const s = Math.round((now - time) / 1_000);
  if (s < -5) return `in ${lasting(-s * 1_000)}`;
  if (s < 5) return 'just now';
  if (s < 60) return `${s} s ago`;
  if (s < 3_600) return `${Math.floor(s / 60)} min ago`;
  if (s < 86_400) return `${Math.floor(s / 3_600)} h ago`;
  return `${Math.floor(s / 86_400)} d ago`;
}

export function rate(perSecond: number): string {
  if (perSecond === 0) return '0/s';
  if (perSecond >= 0.1) return `${perSecond >= 10 ? count(Math.round(perSecond)) : perSecond.toFixed(1)}/s`;
  return `${(perSecond * 60).toFixed(1)}/min`;
}

/** A text with a capital first letter. */
export function capital(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
}
