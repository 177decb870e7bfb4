// Types of the matchers for the runners that are there; none is imported. Where one is missing, its block has no effect.
import type { MageflowMatchers } from './matchers';

declare global {
  // eslint-disable-next-line @typescript-eslint/no-namespace -- jest's own types are in it
  namespace jest {
    // eslint-disable-next-line @typescript-eslint/no-unused-vars -- it has to have the parameters of jest's own
    interface Matchers<R, T> extends MageflowMatchers<R> {}
  }
}

// @ts-ignore -- the package of @jest/globals, which may be missing
declare module 'expect' {
  // eslint-disable-next-line @typescript-eslint/no-unused-vars -- it has to have the parameters of jest's own
  interface Matchers<R extends void | Promise<void>, T = unknown> extends MageflowMatchers<R> {}
}

// @ts-ignore -- it may be missing
declare module 'vitest' {
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- vitest's own default
  interface Assertion<T = any> extends MageflowMatchers<T> {}
  interface AsymmetricMatchersContaining extends MageflowMatchers {}
}
