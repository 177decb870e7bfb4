import { makeTestKit, type TestKit } from './kit';

/**
 * The kit of this test file. Put `mageflow/testing/setup` into `setupFiles` of jest or vitest: every `new Mageflow(...)` of the
 * test file is one of this kit then, its arguments ignored, and `Mageflow.lazy` never connects.
 *
 * @example
 * import { kit } from 'mageflow/testing/setup';
 * afterEach(() => kit.reset());
 */
export const kit: TestKit = makeTestKit({}, false);

kit.install();
