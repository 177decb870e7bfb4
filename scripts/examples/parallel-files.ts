import { problemsOf } from '../../examples/parallel-files/check';
import { runBatch, type Outcome } from '../../examples/parallel-files/run-batch';
import { describeOutcome } from '../demo/describe-outcome';
import type { Example } from './example';

export const parallelFiles: Example<Outcome> = {
  name: 'parallel-files',
  shows: 'files processed in parallel, five at a time; more are added while the swarm runs',
  run: (mage, signal) => runBatch(mage, { signal }),
  describe: describeOutcome,
  problems: (outcome) => problemsOf(outcome, false),
};
