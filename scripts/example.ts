/** `npm run example -- NAME`: runs an example on a stack of its own and checks what it gives. Without a name: the list. */
import { Interrupted, onInterrupt } from './demo/interrupt';
import { chooseExample, listOfExamples } from './examples/examples';
import { onStack, withTimeLimit } from './on-stack';
import { errorMessage } from './stack/errors';

/** An example takes some seconds, minutes on a machine that does much else; one that has not ended by then never will. */
const EXAMPLE_MS = 600_000;

async function main(): Promise<void> {
  const example = chooseExample(process.argv.slice(2));
  if (!example) return console.log(listOfExamples());
  const message = `Expected the example to end within ${EXAMPLE_MS / 1000} s, but it still goes on.`;
  const say = (line: string): void => console.log(line);
  await onStack({ name: 'example', say, interrupted: onInterrupt() }, async ({ mage, signal }) => {
    say(`${example.name}: ${example.shows}`);
    const result: unknown = await withTimeLimit(EXAMPLE_MS, message, signal, (signal) => example.run(mage, signal));
    say(example.describe(result));
    const problems = example.problems(result);
    if (problems.length > 0) throw new Error(`The result is not what it should be:\n${problems.join('\n')}`);
    say('Checked against a plain computation without mageflow: all right.');
  });
}

main().catch((error: unknown) => {
  console.error(`example: ${errorMessage(error)}`);
  // At once: what still hangs on an engine or a Redis that is gone must not keep the process. A stack ends with it.
  process.exit(error instanceof Interrupted ? error.exitCode : 1);
});
