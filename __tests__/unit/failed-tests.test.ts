import path from 'node:path';
import { failuresOf, type JestSuite } from '../../scripts/jest';

const suite = (over: Partial<JestSuite>): JestSuite => ({
  name: path.resolve(__dirname, 'some.test.ts'),
  startTime: 0,
  endTime: 1,
  assertionResults: [],
  ...over,
});
const failures = (...suites: JestSuite[]): string[] => failuresOf({ passed: 0, failed: 0, remarks: [], suites });

test('a run names each test that failed, with the first line of why', () => {
  const results = [
    { fullName: 'a good one', status: 'passed', failureMessages: [] },
    { fullName: 'a bad one', status: 'failed', failureMessages: ['Error: not two\n    at somewhere', 'another'] },
  ];
  expect(failures(suite({ status: 'failed', assertionResults: results }))).toEqual([
    'FAILED __tests__/unit/some.test.ts › a bad one: Error: not two',
  ]);
});

test('a run names a suite that did not start', () => {
  expect(failures(suite({ status: 'failed', message: '\n  ● cannot find module x\nmore' }))).toEqual([
    'FAILED __tests__/unit/some.test.ts › the whole suite: ● cannot find module x',
  ]);
});

test('a run without failures names nothing', () => {
  expect(failures(suite({ status: 'passed' }))).toEqual([]);
});
