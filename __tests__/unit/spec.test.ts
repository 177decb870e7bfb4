import {
  callbackIds,
  mergeRunOptions,
  packMessage,
  packSpec,
  packTemplate,
  parseMessage,
  unpackCallback,
  unpackMessage,
  unpackSpec,
  type GroupTemplate,
  type Spec,
} from '../../src/store/spec';

/** A chain or swarm as it is stored by value. */
function templateOf(given: Partial<GroupTemplate>): string {
  const none = { items: [], successCallbacks: [], errorCallbacks: [] };
  return packTemplate({ ...none, maxConcurrency: 1, stopAfterNFailures: 1, keepResults: true, ...given });
}

describe('a packed signature', () => {
  test.each<[string, Spec]>([
    ['the task alone', { task: 't' }],
    ['an id', { task: 't', id: 'abc.1' }],
    ['a name', { task: 't', name: 'a "name"\nof two lines' }],
    ['options', { task: 't', options: { priority: 3, additionalMetadata: { a: 'b\n*' } } }],
    ['data', { task: 't', data: '{"a":"line\\n"}' }],
    ['success callbacks', { task: 't', successCallbacks: [packSpec({ task: 'c', data: '{"x":1}' })] }],
    ['error callbacks', { task: 't', errorCallbacks: [packSpec({ task: 'c' }), packSpec({ task: 'd', id: 'x.2' })] }],
    ['a root', { task: 't', group: 'root', data: '{"a":1}' }],
    [
      'a chain by value',
      { task: 'etl', name: 'etl', group: 'chain', data: templateOf({ items: [packSpec({ task: 'a' })] }) },
    ],
    [
      'a chain over a swarm that is there',
      { task: 'etl', group: 'chain', data: templateOf({}), below: ['abc.3', 'abc.4'] },
    ],
    ['a swarm by value', { task: 'batch', id: 'abc.5', group: 'swarm', data: templateOf({ maxConcurrency: 20 }) }],
    ['a swarm that is there', { task: 'batch', id: 'abc.6', name: 'batch', group: 'swarm-ref', below: ['abc.6'] }],
    [
      'everything',
      {
        task: 'täsk',
        id: 'abc.1',
        name: 'n',
        options: { sticky: true },
        successCallbacks: [packSpec({ task: 'c', successCallbacks: [packSpec({ task: 'deep' })] })],
        errorCallbacks: [packSpec({ task: 'd' })],
        data: '{"a":[1]}',
      },
    ],
  ])('is unpacked as it was with %s', (_, spec) => {
    expect(unpackSpec(packSpec(spec))).toEqual(spec);
  });

  test('costs next to nothing for a task alone, and nothing for empty data', () => {
    expect(packSpec({ task: 'resize' })).toBe('["resize"]\n');
    expect(packSpec({ task: 'resize', data: '{}' })).toBe('["resize"]\n');
  });

  test('says by its first character whether there are callbacks, as the scripts read it', () => {
    expect(packSpec({ task: 't', successCallbacks: [packSpec({ task: 'c' })] })).toMatch(/^\*/);
    expect(packSpec({ task: 't', errorCallbacks: [packSpec({ task: 'c' })] })).toMatch(/^\*/);
    expect(packSpec({ task: '*', successCallbacks: [], name: '*' })).toMatch(/^\[/);
  });

  test('says by its first character whether there are groups below it, as the scripts read it', () => {
    const swarm = packSpec({ task: 's', id: 'abc.6', group: 'swarm-ref', below: ['abc.6'] });
    expect(swarm).toMatch(/^@/);
    expect(packSpec({ task: 'c', group: 'chain', data: templateOf({ items: [swarm] }), below: ['abc.6'] })).toMatch(
      /^@/,
    );
    expect(packSpec({ task: '@', group: 'chain', data: templateOf({}) })).toMatch(/^\[/);
    expect(packSpec({ task: 'r', group: 'root', errorCallbacks: [packSpec({ task: 'c' })] })).toMatch(/^\*/);
  });

  test('ends its header with the first line end, where the scripts cut the data off', () => {
    const packed = packSpec({ task: 'a\nb', name: 'c\nd', data: '{"e":1}' });
    expect(unpackSpec(packed.slice(0, packed.indexOf('\n') + 1))).toEqual({ task: 'a\nb', name: 'c\nd' });
  });
});

test('a fired callback says which list it came from, whose end fired it, and what runs', () => {
  const spec: Spec = { task: 't', name: 'x y', data: '{"a":1}' };
  expect(unpackCallback(`error 12\n${packSpec(spec)}`)).toEqual({ kind: 'error', source: '12', spec });
  expect(unpackCallback(`success g\n${packSpec(spec)}`)).toEqual({ kind: 'success', source: 'g', spec });
});

describe('a packed message', () => {
  test('is the message itself without options', () => {
    expect(packMessage('{"a":1}', undefined)).toBe('{"a":1}');
    expect(unpackMessage('{"a":1}')).toEqual({ message: '{"a":1}' });
  });

  test('is unpacked as it was with options', () => {
    const options = { additionalMetadata: { a: 'two\nlines' }, priority: 2 };
    expect(unpackMessage(packMessage('{"a":"*\\n"}', options))).toEqual({ message: '{"a":"*\\n"}', options });
  });

  test('nothing stored is an empty one', () => {
    expect([parseMessage(null), parseMessage(undefined), parseMessage('')]).toEqual([{}, {}, {}]);
    expect(unpackMessage('')).toEqual({ message: '' });
  });
});

describe('the ids of the callbacks that a signature carries', () => {
  const callback = (id: string, given: Partial<Spec> = {}) => packSpec({ task: 'c', id, ...given });

  test('are those of its callbacks and of theirs', () => {
    const inner = callback('b.2', { errorCallbacks: [callback('b.3')] });
    const spec = { successCallbacks: [callback('b.1'), packSpec({ task: 'by-name' })], errorCallbacks: [inner] };
    expect(callbackIds(spec)).toEqual(['b.1', 'b.2', 'b.3']);
  });

  test('are those of a chain or swarm by value, too', () => {
    for (const group of ['chain', 'swarm'] as const) {
      const nested = callback('b.2', { group, data: templateOf({ successCallbacks: [callback('b.3')] }) });
      const data = templateOf({ successCallbacks: [callback('b.1')], errorCallbacks: [nested] });
      expect(callbackIds({ group, data })).toEqual(['b.1', 'b.2', 'b.3']);
    }
  });

  test('are none in the data of a task or a root, whatever that is', () => {
    const data = templateOf({ successCallbacks: [callback('b.1')] });
    expect(callbackIds({ data })).toEqual([]);
    expect(callbackIds({ group: 'root', data })).toEqual([]);
  });
});

test('of merged options each later one wins, and of their metadata each later key', () => {
  const left = { priority: 1, sticky: true, additionalMetadata: { a: '1', b: '1' } };
  expect(mergeRunOptions(left, undefined, { priority: 3, additionalMetadata: { b: '2' } })).toEqual({
    priority: 3,
    sticky: true,
    additionalMetadata: { a: '1', b: '2' },
  });
  expect(mergeRunOptions(left, { sticky: false })).toEqual({ ...left, sticky: false });
  expect(mergeRunOptions(undefined, undefined)).toBeUndefined();
});
