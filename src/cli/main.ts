#!/usr/bin/env node
import { leaveWithReader } from './output';
import { run } from './program';

leaveWithReader();
// The SDK has no way to close all of its connections, and they would keep the process.
void run(process.argv).then((code) => {
  process.exitCode = code;
  process.stdout.write('', () => process.stderr.write('', () => process.exit()));
});
