export { createTestKit, type DrainOptions, type TestKit, type TestKitMode, type TestKitOptions } from './kit';
export type { KitRun } from './kit-runs';
export { matchers, type ExpectedSwarm, type MageflowMatchers } from './matchers';
export type { Mock } from './mocks';
export { runBody, type RunBodyOptions } from './run-body';
import './matcher-types';
