import { processState } from '../utils/process-state';
import { makeTestKit, type TestKit } from './kit';

function installed(): TestKit {
  const kit = makeTestKit({}, false);
  kit.install();
  return kit;
}

// A runner may load the setup file as CommonJS, and the test file import it as an ES module.
const state = processState();
state.kit ??= installed();

/**
 * The kit of this test file. Put `mageflow/testing/setup` into `setupFiles` of jest or vitest: every `new Mageflow(...)` of the
 * test file is one of this kit then, its arguments ignored, and `Mageflow.lazy` never connects. It need not be closed.
 *
 * @example
 * import { kit } from 'mageflow/testing/setup';
 * afterEach(() => kit.reset());
 */
export const kit = state.kit as TestKit;
