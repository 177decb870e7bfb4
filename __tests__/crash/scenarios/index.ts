import { batch } from './batch';
import { control } from './control';
import { repair } from './repair';
import type { Scenario } from './scenario';
import { upkeep } from './upkeep';

export const scenarios: Record<string, Scenario> = { batch, control, repair, upkeep };
