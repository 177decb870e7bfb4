// Types of the matchers for the runners that are there; none is imported. Where one is missing, its block has no effect.
/* eslint-disable @typescript-eslint/no-empty-object-type, @typescript-eslint/no-unused-vars -- an interface is merged only with one of the same parameters */
import type { MageflowMatchers } from './matchers';

declare global {
  // eslint-disable-next-line @typescript-eslint/no-namespace -- jest's own types are in it
  namespace jest {
    interface Matchers<R, T> extends MageflowMatchers<R> {}
  }
}

// eslint-disable-next-line @typescript-eslint/ban-ts-comment -- it is no error where the package is there
// @ts-ignore -- the package of @jest/globals, which may be missing
declare module 'expect' {
  interface Matchers<R extends void | Promise<void>, T = unknown> extends MageflowMatchers<R> {}
}

// eslint-disable-next-line @typescript-eslint/ban-ts-comment -- it is no error where the package is there
// @ts-ignore -- it may be missing
declare module 'vitest' {
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- vitest's own default; it only adds
  interface Assertion<T = any> extends MageflowMatchers<T> {}

  interface AsymmetricMatchersContaining extends MageflowMatchers {}
}
