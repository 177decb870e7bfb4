import type { Part } from '../part';
import { adding } from './adding';
import { bookkeeping } from './bookkeeping';
import { latency } from './latency';
import { many } from './many';
import { queue } from './queue';
import { sides } from './sides';
import { size } from './size';

/** All parts, in the order in which they run. */
export const parts: readonly Part[] = [bookkeeping, queue, adding, latency, sides, many, size];
