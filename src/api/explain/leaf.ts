import type { Attempt } from '../../hatchet/run-history';
import type { TaskLoad } from '../../hatchet/task-load';
import type { ReasonCode } from './reason';
import type { Subject } from './subject';

/** A task that is under way, with what the engine tells about it. */
export interface Leaf {
  subject: Subject;
  code: ReasonCode;
  attempt: Attempt | undefined;
  load: TaskLoad | undefined;
}
