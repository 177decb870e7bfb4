import { HatchetClient } from '@hatchet-dev/typescript-sdk';
import { Mageflow } from 'mageflow';

export const mage = Mageflow.lazy(() => [HatchetClient.init(), process.env['REDIS_URL'] ?? '']);
export const importFile = mage.task({ name: 'import-file', fn: ({ path }: { path: string }) => ({ path, lines: 3 }) });
