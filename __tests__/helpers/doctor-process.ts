import { Redis } from 'ioredis';
import { findings } from './doctor-reading';
import { StoreFixture } from './store';

// Run by itself, with a clock of its own: prints what `doctor` finds in an empty store.
const fixture = new StoreFixture({}, new Redis(process.env['DOCTOR_REDIS'] ?? ''));
void findings(fixture)
  .then((found) => process.stdout.write(JSON.stringify(found)))
  .finally(() => fixture.close());
