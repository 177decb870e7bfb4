import { isEnded } from '../../store/group-reader';
import { nameOf } from './group';
import type { Look } from './look';
import type { Finding } from './reason';
import type { Group } from './subject';
import { lasting } from './words';

/** Says that nothing has looked after a group that should have been. */
export function noReconciler({ leftAloneMs }: Pick<Look, 'leftAloneMs'>, group: Group): Finding[] {
  const { now, reconcileAt, active } = group.waits;
  const { status } = group.snapshot;
  const isLookedAfter = status === 'pending' || (isEnded(status) && active === 0);
  if (isLookedAfter || reconcileAt === undefined || now - reconcileAt < leftAloneMs) return [];
  return [
    {
      code: 'no-reconciler',
      clause: `no process has reconciled ${nameOf(group)} for ${lasting(now - reconcileAt)}, although it was due`,
      since: reconcileAt,
      hint: 'Start a process with mage.worker, or one that calls mage.startReconciler(). Without one, nobody continues what dead processes have left.',
    },
  ];
}
