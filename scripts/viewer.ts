/** `npm run viewer`: opens the viewer on groups of each kind and state, on a stack of its own, until Ctrl-C. */
import { Interrupted, onInterrupt } from './demo/interrupt';
import { onStack } from './on-stack';
import { errorMessage } from './stack/errors';
import { unlessAborted } from './unless-aborted';
import { declareSamples, startSamples } from './viewer/samples';
import { serveViewer } from './viewer/serve';
import { withWorker } from './with-worker';

async function main(): Promise<void> {
  await onStack({ name: 'viewer', say: console.log, interrupted: onInterrupt() }, async ({ mage, signal }) => {
    const samples = declareSamples(mage);
    // The engine knows its name, and then nobody serves it.
    await withWorker(mage, 'gone', [samples.unserved], signal, () => Promise.resolve());
    await withWorker(mage, 'samples', [samples.row, samples.alert, samples.crawl], signal, async () => {
      await startSamples(mage, samples);
      console.log('\nThe address works once, and then another one is printed. Ctrl-C stops everything.');
      const close = await serveViewer(mage, (address) => console.log(address));
      try {
        await unlessAborted(new Promise(() => undefined), signal);
      } finally {
        close();
      }
    });
  });
}

main().catch((error: unknown) => {
  const isAsked = error instanceof Interrupted;
  if (!isAsked) console.error(`viewer: ${errorMessage(error)}`);
  process.exit(isAsked ? error.exitCode : 1);
});
