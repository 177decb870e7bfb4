// The types of the matchers, for each runner.
import { createTestKit, matchers, runBody } from 'mageflow/testing';
import { kit } from 'mageflow/testing/setup';
import { expect as vitestExpect } from 'vitest';
import { expect as jestExpect } from '@jest/globals';
import { importFile } from './declared';

vitestExpect.extend(matchers);
jestExpect.extend(matchers as never);
expect.extend(matchers);

export async function check(): Promise<void> {
  const own = await createTestKit({ mode: 'manual' });
  for (const one of [own, kit]) {
    expect(one).toHaveRun(importFile, { path: 'a' });
    await expect(one).toHaveRunSwarm('import', { items: 1 });
    jestExpect(one).not.toHaveRun('import-file');
    jestExpect(one).toBeIdle();
    vitestExpect(one).toHaveRun(importFile);
    await vitestExpect(one).toHaveRunSwarm('import', { maxConcurrency: 2 });
    vitestExpect(one).not.toBeIdle();
  }
  const { lines } = await runBody(importFile, { path: 'a' }, { attempt: 2 });
  lines.toFixed();
  // @ts-expect-error -- there is no such mode
  await createTestKit({ mode: 'fast' });
  // @ts-expect-error -- there is no such expectation
  await expect(own).toHaveRunSwarm('import', { item: 1 });
}
