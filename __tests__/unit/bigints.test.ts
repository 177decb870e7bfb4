import { InvalidMessageError } from '../../src';
import { encodeMessage } from '../../src/messages/json';
import { encodeOutput, firstJsonLoss } from '../../src/worker/output';

const prototype = BigInt.prototype as { toJSON?: () => string };
const value = { id: 5n, list: [6n], own: Object.assign(() => 1, { toJSON: () => 'a function' }) };
const text = '{"id":"5","list":["6"],"own":"a function"}';

describe('what has a toJSON is what that gives, in messages as in outputs', () => {
  beforeAll(() => {
    prototype.toJSON = function () {
      return String(this);
    };
  });
  afterAll(() => {
    delete prototype.toJSON;
  });

  test('BigInts, for which programs define one, and functions', () => {
    expect(encodeMessage(value, 'it')).toBe(text);
    expect(encodeOutput('t', value).payload).toBe(text);
    expect(firstJsonLoss(value)).toBeUndefined();
    expect(encodeOutput('t', 5n).payload).toBe('"5"');
    expect(encodeOutput('t', value.own).payload).toBe('"a function"');
  });
});

describe('a BigInt without one', () => {
  test('is refused in messages and in outputs', () => {
    expect(() => encodeMessage({ id: 5n }, 'it')).toThrow(InvalidMessageError);
    expect(() => encodeOutput('t', { id: 5n })).toThrow("The output of t can't be turned into JSON");
  });
});
