import type { Look } from './look';
import { byUrgency, type Finding } from './reason';
import type { Group, Subject } from './subject';

/** Returns whether an entry under way is a group that exists, or a root task whose body has begun. */
export function isNested({ below }: Subject): boolean {
  return below !== undefined;
}

/** Explains an entry under way that is a nested group or a root task, by what that waits for. */
export async function explainNested(look: Look, group: Group, subject: Subject): Promise<Finding> {
  const { id, what, kind, below = '' } = subject;
  const deeper = look.deeper();
  const explained = async (at: Look) =>
    kind === 'root' ? at.explain.root(at, group, subject) : at.explain.group(at, below);
  const found = deeper ? byUrgency(await explained(deeper)) : [];
  const [first] = found;
  return {
    code: 'waiting-for-child',
    clause: `${what}${kind === 'root' ? ', a root task,' : ''} has not ended${first ? `: ${first.clause}` : ''}`,
    entry: id,
    hint:
      first?.hint ??
      `Call mage.explain(${JSON.stringify(id)}): it is too deep, or one of too many, to be explained here.`,
    below: found,
  };
}
