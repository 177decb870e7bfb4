import { signal } from '@preact/signals';

/** What has just happened, for a while. */
export const notice = signal('');

let timer: ReturnType<typeof setTimeout> | undefined;

export function say(text: string): void {
  notice.value = text;
  clearTimeout(timer);
  timer = setTimeout(() => (notice.value = ''), 8_000);
}
