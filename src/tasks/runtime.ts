import type { Engine } from '../engine/engine';
import type { Inputs } from '../engine/inputs';
import type { Publisher } from '../engine/publisher';
import type { Served } from '../engine/served';
import type { Settler } from '../engine/settler';
import type { MageflowLogger } from '../options';
import type { GroupReader } from '../store/group-reader';
import type { GroupStore } from '../store/group-store';

/** The parts of one instance that the code above store and engine works with. */
export interface Runtime {
  /** The instance itself, as bodies' module-level functions see it. */
  readonly instance: unknown;
  readonly store: GroupStore;
  readonly reader: GroupReader;
  readonly engine: Engine;
  readonly inputs: Inputs;
  readonly publisher: Publisher;
  readonly settler: Settler;
  readonly served: Served;
  readonly logger: MageflowLogger;
}
