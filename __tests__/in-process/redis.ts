import { InProcessRedis } from '../../src/testing/redis/in-process-redis';
import { LuaMachine, type CallOfScript, type Interpreter } from '../../src/testing/redis/lua/machine';
import { systemClock } from '../../src/utils/clock';
import type * as ComparedModule from './compared';
import { translateAny } from './translate-any';

/** Set to 1, it makes each script of each suite run on two interpreters, which is slow: see compared.ts. */
const isCompared = process.env['COMPARE_LUA'] === '1';

function interpreterOf(call: CallOfScript): Interpreter {
  if (!isCompared) return new LuaMachine(call, translateAny);
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- Loaded only here: it takes its time in each suite.
  const { Compared } = require('./compared') as typeof ComparedModule;
  return new Compared(call);
}

/** Opens the Redis of the testing kit, which here runs every script, and not only those of the store. */
export const openRedis = (): InProcessRedis => new InProcessRedis(systemClock, interpreterOf);
