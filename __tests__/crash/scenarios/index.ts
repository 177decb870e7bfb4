import { batch } from './batch';
import { control } from './control';
import { repair } from './repair';
import type { Scenario } from './scenario';
import { reconciler } from './reconciler';

export const scenarios: Record<string, Scenario> = { batch, control, repair, reconciler };
