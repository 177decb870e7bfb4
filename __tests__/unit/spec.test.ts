import {
  packMessage,
  packSpec,
  parseMessage,
  unpackCallback,
  unpackMessage,
  unpackSpec,
  type Spec,
} from '../../src/store/spec';

describe('a packed signature', () => {
  test.each<[string, Spec]>([
    ['the task alone', { task: 't' }],
    ['an id', { task: 't', id: 'abc.1' }],
    ['a name', { task: 't', name: 'a "name"\nof two lines' }],
    ['options', { task: 't', options: { priority: 3, additionalMetadata: { a: 'b\n*' } } }],
    ['data', { task: 't', data: '{"a":"line\\n"}' }],
    ['success callbacks', { task: 't', successCallbacks: [packSpec({ task: 'c', data: '{"x":1}' })] }],
    ['error callbacks', { task: 't', errorCallbacks: [packSpec({ task: 'c' }), packSpec({ task: 'd', id: 'x.2' })] }],
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
