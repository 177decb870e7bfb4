import { batch } from './batch';
import { control } from './control';
import type { Scenario } from './scenario';
import { upkeep } from './upkeep';

export const scenarios: Record<string, Scenario> = { batch, control, upkeep };
