import { createInstanceFolder, Instance } from './stack/instance';
import { provideRedis } from './stack/redis';
import { onStopSignal } from './stack/stop-signals';

const GRACE_MS = 5_000;

/** Calls `use` with the URL of a Redis: of the one that REDIS_URL names, or of one that lives as long as `use` takes. */
export async function withRedis(use: (url: string, signal: AbortSignal) => Promise<void>): Promise<void> {
  const stopping = new AbortController();
  const { signal } = stopping;
  const listenNoMore = onStopSignal(() => stopping.abort());
  // What a kill leaves behind, the next start of a stack finds by its folder.
  const instance = new Instance(createInstanceFolder());
  try {
    const { url } = await provideRedis({ instance, signal, progress: (line) => console.error(line) });
    await use(url, signal);
  } finally {
    await Promise.all([...instance.services].map((service) => instance.end(service, 'SIGTERM', GRACE_MS)));
    instance.remove(false);
    listenNoMore();
  }
}
