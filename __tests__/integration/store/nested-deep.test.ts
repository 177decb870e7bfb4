// What is nested is stored by value: a level costs what is in it, however deep it is.
import { packSpec, packTemplate, unpackSpec, unpackTemplate, type GroupTemplate } from '../../../src/store/spec';
import type { AnySignature } from '../../../src/api/types';
import { eventually } from '../../helpers/fixture';
import { Instant } from '../../helpers/instant-mage';

const levels = 200;
const instant = new Instant();
const { mage, engine } = instant;
let bodies = 0;
const item = mage.task({ name: 'item', fn: () => ({ n: (bodies += 1) }) });

beforeAll(() => engine.serve(item as never));
beforeEach(() => (bodies = 0));
afterAll(() => instant.close());

type Nest = (inner: AnySignature) => Promise<AnySignature>;
const signed = (options = {}) => mage.sign(item, { path: 'a"\\ä😀\n' }, options);
const asTasks = (...tasks: AnySignature[]) => tasks as never;

const shapes: [string, Nest, bodies: number][] = [
  ['chains in chains', (inner) => mage.chain(asTasks(inner)), 1],
  [
    'chains that are each continued by a longer one',
    async (inner) => mage.chain(asTasks(inner, await signed())),
    levels + 1,
  ],
  ['callbacks of callbacks', (inner) => signed({ successCallbacks: [inner] }), levels + 1],
  [
    'chains that are the callbacks of chains',
    async (inner) => mage.chain(asTasks(await signed()), { successCallbacks: [inner as never] }),
    levels + 1,
  ],
];

test.each(shapes)(
  `${levels} levels of %s are stored in a size that grows with them, and run`,
  async (_, nest, expected) => {
    const sizes: number[] = [];
    let signature: AnySignature = await signed();
    for (let level = 1; level <= levels; level++) {
      signature = await nest(signature);
      const { data = '', successCallbacks = [] } = (
        signature as unknown as { spec: { data?: string; successCallbacks?: string[] } }
      ).spec;
      sizes.push(data.length + successCallbacks.join('').length);
    }
    const growth = (sizes[20]! - sizes[10]!) / 10;
    expect(sizes[levels - 1]!).toBeLessThan(sizes[20]! + 1.5 * growth * (levels - 21));
    await (signature as unknown as { runNoWait(message: object): Promise<unknown> }).runNoWait({});
    await eventually('all of it has run', () => bodies === expected);
    await eventually('it has succeeded', async () => (await signature.status()) === 'succeeded');
    expect(engine.failures).toBe(0);
  },
);

const config = { maxConcurrency: 1, stopAfterNFailures: 1, keepResults: true };
const template = (given: Partial<GroupTemplate>) =>
  packTemplate({ items: [], successCallbacks: [], errorCallbacks: [], ...config, ...given });

test('a packed signature is unpacked as it was, whatever texts are nested in it', () => {
  const texts = ['', '\n', '*["x"]\n', 'ä😀\u2028', '"\\', '-'].map((name) =>
    packSpec({ task: 't', name: name || 'x', data: '{"a":"\\n"}' }),
  );
  const data = template({ items: texts, successCallbacks: texts.slice(1), errorCallbacks: [packSpec({ task: 'e' })] });
  const chain = packSpec({ task: 'c', group: 'chain', data });
  const spec = { task: 'täsk\n', successCallbacks: [chain, ...texts], errorCallbacks: texts, data: '{"ü":"😀"}' };
  expect(unpackSpec(packSpec(spec))).toEqual(spec);
  expect(unpackTemplate(unpackSpec(chain).data ?? '')).toEqual({
    ...config,
    items: texts,
    successCallbacks: texts.slice(1),
    errorCallbacks: [packSpec({ task: 'e' })],
  });
});
