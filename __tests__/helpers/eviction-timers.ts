import * as sleeps from '@hatchet-dev/typescript-sdk/util/sleep';

type Sleep = (ms: number, signal?: AbortSignal) => Promise<void>;

const answerMs = 30_000;
let done = false;

/** The SDK waits up to 30 s for the answer to each eviction, and keeps that timer, and the process, after the answer has come. */
export function unrefEvictionTimers(): void {
  if (done) return;
  done = true;
  const sdk = sleeps as unknown as { default: Sleep };
  const plain = sdk.default;
  sdk.default = (ms, signal) =>
    ms === answerMs ? new Promise((resolve) => void setTimeout(resolve, ms).unref()) : plain(ms, signal);
}
