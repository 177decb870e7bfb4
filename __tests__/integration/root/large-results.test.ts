import { Fixture } from '../../helpers/fixture';
import { openRoots } from '../../helpers/roots';

const fixture = new Fixture({ maxInlineBytes: 2_000, maxResultBytes: 20_000 });
const { mage, taskSet, roots, root, retriedWork, tagged } = openRoots({}, fixture);
const text = (n: number, length: number) => `${n} `.padEnd(length, 'x');

const spawning = async (label: string, count: number, length: number) => {
  const signature = await roots.sign(
    root,
    async () => {
      for (let n = 0; n < count; n++) await (await mage.sign(retriedWork, { value: text(n, length) })).runNoWait({});
      return 'body';
    },
    { successCallbacks: [await tagged(label)] },
  );
  await signature.run();
  return taskSet.onlyExecution(label, signature);
};

describe('the outputs of the children', () => {
  test('arrive whole when they are too large to travel in the message', async () => {
    const { input } = await spawning('by reference', 10, 1_000);
    expect(input).toEqual({
      label: 'by reference',
      returnValue: 'body',
      childResults: Array.from({ length: 10 }, (_, n) => text(n, 1_000)),
    });
  });

  test('are read one after another when they exceed maxResultBytes, with a warning', async () => {
    const { input, context } = await spawning('one after another', 30, 1_000);
    expect(input).toMatchObject({ returnValue: 'body', childResults: [] });
    const outputs = [];
    for await (const output of context?.results ?? []) outputs.push(output);
    expect(outputs).toEqual(Array.from({ length: 30 }, (_, n) => text(n, 1_000)));
    expect(fixture.log.lines.filter((line) => line.includes('maxResultBytes'))).toHaveLength(1);
  });

  test('do not keep a large output of the body from arriving', async () => {
    const output = text(0, 15_000);
    const signature = await roots.sign(
      root,
      async () => (await mage.sign(retriedWork, { value: 1 })).run({}).then(() => output),
      {
        successCallbacks: [await tagged('large body')],
      },
    );
    await signature.run();
    expect((await taskSet.onlyExecution('large body', signature)).input).toEqual({
      label: 'large body',
      returnValue: output,
      childResults: [1],
    });
  });
});
