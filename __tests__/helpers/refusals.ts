import type { Fixture } from './fixture';

interface ErrorClass {
  [Symbol.hasInstance](value: unknown): boolean;
  readonly kind: string;
}

/** What was thrown, or an error saying that nothing was. */
export async function thrownBy(call: () => unknown): Promise<Error> {
  let gave: unknown;
  try {
    gave = await call();
  } catch (error) {
    return error as Error;
  }
  throw new Error(`Expected a refusal, but it gave ${typeof gave}.`);
}

/** Expects a call to be refused with an error whose message holds all of the texts, and Redis to be as it was before. */
export async function expectRefusal(
  fixture: Fixture,
  call: () => unknown,
  kind: ErrorClass,
  ...texts: (string | RegExp)[]
): Promise<Error> {
  const before = await fixture.writtenKeys();
  const error = await thrownBy(call);
  // The class is named, since Jest shows nothing of a failed instanceof on classes that define it themselves.
  expect({ is: error instanceof (kind as never) ? kind.kind : error.stack }).toEqual({ is: kind.kind });
  for (const text of texts) {
    if (typeof text === 'string') expect(error.message).toContain(text);
    else expect(error.message).toMatch(text);
  }
  expect(await fixture.writtenKeys()).toEqual(before);
  return error;
}
