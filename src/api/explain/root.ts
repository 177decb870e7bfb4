import type { Look } from './look';
import { byUrgency, type Finding } from './reason';
import type { Group, Subject } from './subject';
import { explainTask } from './under-way';

/** Explains a root task that is under way: its body, and its children. */
export async function explainRoot(look: Look, group: Group, subject: Subject): Promise<Finding[]> {
  const findings = subject.record.state === 'returned' ? [] : [await explainBody(look, group, subject)];
  const deeper = look.deeper();
  const found = subject.below && deeper ? await deeper.explain.group(deeper, subject.below) : [];
  // An open internal swarm waits for the body, which is explained already.
  const below = byUrgency(found.filter(({ code }) => code !== 'waiting-for-body' && code !== 'ended'));
  const [first] = below;
  if (first)
    findings.push({
      code: 'waiting-for-child',
      clause: `its children have not ended: ${first.clause}`,
      entry: subject.below,
      hint: first.hint,
      below,
    });
  if (findings.length > 0) return findings;
  return [
    {
      code: 'starting',
      clause: `the children of ${subject.what} have ended, and its own end is stored next`,
      entry: subject.id,
      hint: 'That takes a moment. If it stays so, see whether a process runs the reconciler.',
    },
  ];
}

/** Explains the body of a root task. */
export async function explainBody(look: Look, group: Group, subject: Subject): Promise<Finding> {
  const finding = await explainTask(look, group, subject);
  if (finding.code !== 'running') return finding;
  return { ...finding, code: 'waiting-for-body', clause: `its body goes on: ${finding.clause}` };
}
