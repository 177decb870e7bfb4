// Run by bench/main.ts in a process of its own: runs one part, and writes what it measured to a file.
import { writeFileSync } from 'node:fs';
import type { PartOptions } from './part';
import { onStopSignal } from '../scripts/stack/stop-signals';
import { parts } from './parts';

async function main(): Promise<void> {
  const [name, file = '', options = '{}'] = process.argv.slice(2);
  const part = parts.find((one) => one.name === name);
  if (!part) throw new Error(`Expected one of ${parts.map((one) => one.name).join(', ')}, got ${String(name)}.`);
  // A worker listens too, and then a signal no longer ends the process by itself.
  onStopSignal(() => process.exit(1));
  // Each worker listens for signals, and a part may have many.
  process.setMaxListeners(0);
  const measured = await part.run(JSON.parse(options) as PartOptions, (line) => console.log(`${part.name}: ${line}`));
  writeFileSync(file, JSON.stringify(measured));
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    console.error(error);
    process.exit(1);
  },
);
