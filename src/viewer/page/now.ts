import { signal } from '@preact/signals';

/** The time of day, for ages. */
export const now = signal(Date.now());

setInterval(() => {
  if (document.visibilityState === 'visible') now.value = Date.now();
}, 1_000);
