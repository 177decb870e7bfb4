import { NonRetryableError } from '@hatchet-dev/typescript-sdk';
import { InvalidMessageError } from '../../src';
import { encodeJson } from '../../src/messages/json';
import { checkWellFormed } from '../../src/config/text';
import { cleanText, packFailure, wellFormedJson } from '../../src/messages/text';
import { encodeOutput, encodeThrown } from '../../src/worker/output';

const cut = 'invoice for Ann \u{1F600}'.slice(0, 17);
const mended = 'invoice for Ann \ufffd';

describe('text in JSON', () => {
  test.each<[string, unknown, unknown]>([
    ['the first half of a pair', { a: cut }, { a: mended }],
    ['the second half of a pair', ['\ude00!'], ['\ufffd!']],
    ['the halves in the wrong order', '\ude00\ud83d', '\ufffd\ufffd'],
    ['a key', { [cut]: { [cut]: 1 } }, { [mended]: { [mended]: 1 } }],
    ['one behind a backslash', ['\\\ud83d', '\\\\\ud83d'], ['\\\ufffd', '\\\\\ufffd']],
  ])('is made well-formed: %s', (_, value, expected) => {
    expect(JSON.parse(encodeJson(value, 'it'))).toEqual(expected);
  });

  test.each<[string, unknown]>([
    ['whole pairs', { '😀': ['😀', '\u{10FFFF}'] }],
    ['texts that only look like an escape', ['\\ud83d', '\\\\ud83d', '\\"\\ud83d', 'ud83d']],
  ])('stays as it is: %s', (_, value) => {
    expect(encodeJson(value, 'it')).toBe(JSON.stringify(value));
  });

  test('is refused when two keys of one object would become one', () => {
    const refused = () => encodeJson({ deep: [{ '\ud83d': 1, '\ude00': 2 }] }, 'the message');
    expect(refused).toThrow(InvalidMessageError);
    expect(refused).toThrow('the message has two keys in one object that differ only in half a character');
    expect(encodeJson({ a: { '\ud83d': 1 }, b: { '\ude00': 2 } }, 'it')).toBe('{"a":{"\ufffd":1},"b":{"\ufffd":2}}');
  });

  test('is not read a second time when there is no half of a pair', () => {
    const parse = jest.spyOn(JSON, 'parse');
    wellFormedJson(JSON.stringify({ a: '😀' }), 'it');
    expect(parse).not.toHaveBeenCalled();
    parse.mockRestore();
  });
});

test('a name with half of a pair is refused', () => {
  for (const value of [cut, '\ude00']) expect(() => checkWellFormed('name', value)).toThrow(InvalidMessageError);
  for (const value of ['', 'a', '😀']) expect(() => checkWellFormed('name', value)).not.toThrow();
});

test('a failure is stored with a message that the engine takes in an input', () => {
  expect(JSON.parse(packFailure(`it begins with \0\0IHDR, ${cut}`))).toEqual({
    message: `it begins with \u2400\u2400IHDR, ${mended}`,
  });
  const { message } = JSON.parse(packFailure('😀'.repeat(9_999).slice(1))) as { message: string };
  expect([message.length, message.isWellFormed()]).toEqual([10_000, true]);
  expect(cleanText('as it was 😀')).toBe('as it was 😀');
});

describe('an output', () => {
  test('is handed to the engine as it is stored when text in it is ill-formed', () => {
    expect(encodeOutput('t', { title: cut })).toEqual({
      payload: `{"title":"${mended}"}`,
      output: { title: mended },
    });
  });

  test('is handed to the engine itself when nothing is wrong with it', () => {
    const output = { at: new Date(0) };
    expect(encodeOutput('t', output).output).toBe(output);
  });
});

describe('a thrown error', () => {
  test('stays what it is when the engine can record it', () => {
    for (const error of [new TypeError('no 😀'), 'a text', undefined, new Error('x', { cause: 'x' })])
      expect(encodeThrown(error)).toBe(error);
  });

  test('an error with a cause is replaced by one whose message contains the cause, which the engine does not record', () => {
    for (const type of [TypeError, NonRetryableError]) {
      const error = new type('fetch failed');
      error.cause = new Error('connect ECONNREFUSED');
      const shown = encodeThrown(error) as Error;
      expect(shown.message).toBe('fetch failed (connect ECONNREFUSED)');
      expect([shown.name, shown.stack, shown instanceof NonRetryableError]).toEqual([
        type.name,
        error.stack,
        type === NonRetryableError,
      ]);
    }
    expect((encodeThrown({ code: 5 }) as Error).message).toBe('{"code":5}');
  });

  test('of an abort stays what it is, because the SDK recognizes it by that', () => {
    const error = Object.assign(new Error('stopped', { cause: new Error('why') }), { name: 'AbortError' });
    expect(encodeThrown(error)).toBe(error);
  });

  test.each([
    ['a NUL', 'no PDF, it begins with \0\0IHDR', 'no PDF, it begins with \u2400\u2400IHDR'],
    ['half of a pair', cut, mended],
    ['megabytes', 'x'.repeat(5_000_000), 'x'.repeat(200_000)],
  ])('is replaced by one that it can record when there is %s in its message', (_, message, expected) => {
    for (const type of [TypeError, NonRetryableError]) {
      const shown = encodeThrown(new type(message)) as Error;
      expect(shown.message === expected).toBe(true);
      expect([shown.name, shown instanceof NonRetryableError]).toEqual([type.name, type === NonRetryableError]);
      expect([(shown.stack ?? '').includes('\0'), (shown.stack ?? '').isWellFormed()]).toEqual([false, true]);
      expect((shown.stack ?? '').length).toBeLessThanOrEqual(200_000);
    }
  });
});
