import { isTaken, type ConnectedWorker, type TaskLoad } from '../../hatchet/task-load';
import { isCallback } from '../../store/entry';
import type { Leaf } from './leaf';
import type { Look } from './look';
import type { Finding, ReasonCode } from './reason';
import type { Group } from './subject';
import { quoted } from '../../utils/quoted';
import { lasting, list, message, resumeHint } from './words';

/** Entries that are under way for the same reason: the first of them, and the words for all. */
interface Alike {
  look: Look;
  group: Group;
  first: Leaf;
  /** What they are, for the begin of a sentence: `item 3 ("resize")` or `5 items ("resize")`. */
  who: string;
  isOne: boolean;
}

type Phrase = (alike: Alike) => Pick<Finding, 'clause' | 'hint' | 'since'>;

/** The words for each reason for which a task may be under way. */
const phrases: Partial<Record<ReasonCode, Phrase>> = {
  'lease-expired': leaseExpired,
  suspended,
  'task-unknown': taskUnknown,
  'no-worker': noWorker,
  'workers-busy': workersBusy,
  retrying,
  running,
  starting,
};

/** Says why tasks are under way that are so for the same reason. */
export function phrase(look: Look, group: Group, leaves: readonly Leaf[]): Finding {
  const sorted = leaves.toSorted((a, b) => (a.attempt?.since ?? Infinity) - (b.attempt?.since ?? Infinity));
  const [first] = sorted;
  if (!first) throw new TypeError('There is nothing to be phrased.');
  const { waits } = group;
  const isSample = waits.active > waits.underWay.length && leaves.length > 1;
  const isOne = leaves.length === 1;
  const who = isOne
    ? first.subject.what
    : `${isSample ? 'at least ' : ''}${leaves.length} ${isCallback(first.subject.record.entry) ? 'callbacks' : 'items'} (${quoted(first.subject.task)})`;
  const said = (phrases[first.code] ?? starting)({ look, group, first, who, isOne });
  return { code: first.code, entry: first.subject.id, ...said };
}

function leaseExpired({ group, first, who, isOne }: Alike) {
  const { leasedUntil = 0, state, process } = first.subject.record;
  const [it, was] = isOne ? ['it', 'was'] : ['them', 'were'];
  const published = first.attempt
    ? 'has a run that has ended, of which nothing was stored'
    : `${was} left without a report`;
  const left = state === 'granted' ? `${was} never published` : published;
  const silent = lasting(group.waits.now - leasedUntil);
  return {
    clause: `${who} ${left} by the process ${process}, and for ${silent} no process has continued ${it}`,
    hint: 'Start a process with mage.worker, or one that calls mage.startReconciler(). Its reconciler continues the work.',
    since: leasedUntil,
  };
}

function suspended({ group, first, who, isOne }: Alike) {
  const { id, suspendedSince = group.waits.now } = first.subject;
  return {
    clause: `${who} ${isOne ? 'was suspended by itself' : 'were suspended by themselves'} ${lasting(group.waits.now - suspendedSince)} ago`,
    hint: resumeHint(id),
    since: suspendedSince,
  };
}

function taskUnknown(alike: Alike) {
  const { clause, since } = waits(alike, 'for a worker');
  return {
    clause: `${clause}, and no worker has ever registered a task named ${quoted(alike.first.subject.task)}`,
    hint: `Correct the name, or start a worker that has a task of this name among its workflows. Without one, the reconciler fails ${alike.isOne ? 'it' : 'them'}.`,
    since,
  };
}

function noWorker(alike: Alike) {
  const task = quoted(alike.first.subject.task);
  const paused = alike.first.load?.paused ?? [];
  const { clause, since } = waits(alike, 'for a worker');
  const others = paused.length > 0 ? `: ${named(paused)} ${paused.length === 1 ? 'is' : 'are'} paused` : '';
  return {
    clause: `${clause}, and no active worker serves the task ${task}${others}`,
    hint:
      paused.length > 0
        ? `Unpause ${named(paused)} in Hatchet, or start another worker that serves ${task}.`
        : `Start a worker that has ${task} among its workflows, with the same Hatchet tenant and namespace.`,
    since,
  };
}

function workersBusy(alike: Alike) {
  const task = quoted(alike.first.subject.task);
  const { active = [], waiting = 0 } = alike.first.load ?? {};
  const { clause, since } = waits(alike, 'for a free slot of a worker');
  const taken = active.flatMap((worker) => worker.slots.filter(isTaken)).reduce((sum, { limit }) => sum + limit, 0);
  const others = waiting > 1 ? `, and ${waiting} of its runs wait in the engine` : '';
  return {
    clause: `${clause}: ${named(active)} ${active.length === 1 ? 'serves' : 'serve'} ${task} and ${active.length === 1 ? 'has' : 'have'} no free slot of ${taken}${others}`,
    hint: `Start more workers that serve ${task}, or give them more slots.`,
    since,
  };
}

function retrying(alike: Alike) {
  const { attempt, subject } = alike.first;
  const { throws } = subject.record;
  const { clause, since } = waits(alike, 'for the next attempt');
  const error = attempt?.error === undefined ? '' : `: ${message(attempt.error)}`;
  const why =
    throws > 0
      ? `attempt ${throws}${alike.isOne ? '' : ` of ${subject.what}`} has failed${error}`
      : 'the worker that ran it is gone';
  return {
    clause: `${clause}, because ${why}`,
    hint: 'The engine starts it, after the `backoff` of the task if it has one. If it fails again and again, correct the task, or cancel the item.',
    since,
  };
}

function running({ first, who, isOne, look, group }: Alike) {
  const { attempt, subject, load } = first;
  const { run, isCancelled } = subject.record;
  if (attempt?.phase === 'ended')
    return {
      clause: `the run of ${subject.what} has ended in the engine, and its end is stored next`,
      hint: `That takes a moment. If it stays so, look at the run ${run} in Hatchet, and see whether a process runs the reconciler.`,
      since: attempt.since,
    };
  const since = attempt?.phase === 'waiting' ? undefined : attempt?.since;
  const time = since === undefined ? '' : ` for ${lasting(look.engine.now - since)}`;
  const place = attempt ? placeOf(attempt, load) : '';
  const number = attempt && attempt.retryCount > 0 ? `, in attempt ${attempt.retryCount + 1}` : '';
  const longest = since === undefined ? '' : `, the longest of those looked at, ${subject.what},`;
  const [verb, which] = isOne
    ? [since === undefined ? 'is running' : 'has been running', '']
    : ['are running', longest];
  const unchecked =
    attempt || look.engine.unchecked === undefined ? '' : ` Since when was not checked: ${look.engine.unchecked}.`;
  const hint =
    isCancelled || group.snapshot.status === 'cancelling'
      ? `It is being cancelled. Wait until its body obeys ctx.abortController.signal, or look at the run ${run} in Hatchet.`
      : `Wait for its end. If it takes too long, look at the run ${run} in Hatchet, or cancel it. If its worker is gone, the engine starts it again after about 30 s.`;
  return { clause: `${who} ${verb}${which}${time}${place}${number}`, hint: `${hint}${unchecked}`, since };
}

function placeOf({ phase, workerId }: NonNullable<Leaf['attempt']>, load: TaskLoad | undefined): string {
  if (phase === 'evicted') return ', evicted from its worker while it waits';
  if (workerId === undefined || !load) return '';
  const worker = [...load.active, ...load.paused].find(({ id }) => id === workerId);
  return worker ? ` on the worker ${quoted(worker.name)}` : ' on a worker that the engine no longer lists';
}

function starting(alike: Alike) {
  const { first, who, isOne, look } = alike;
  const { subject, load } = first;
  const { state, process } = subject.record;
  if (state === 'granted')
    return {
      clause: `${who} ${isOne ? 'is' : 'are'} being published`,
      hint: `That takes a moment. If it stays so, see whether the process ${process} reaches the engine.`,
      since: undefined,
    };
  const task = quoted(subject.task);
  return {
    ...waits(alike, `for a worker to take ${isOne ? 'it' : 'them'}`),
    hint: load
      ? `The engine assigns ${isOne ? 'it' : 'them'} next, to ${named(load.active)}. If it stays so, ${heldBy(load)} hold back its run.`
      : `Whether a worker serves ${task} was not checked: ${look.engine.unchecked ?? 'the engine gave no answer'}. Look for its run in Hatchet, and for a worker that has ${task}.`,
  };
}

function heldBy({ isLimited }: TaskLoad): string {
  return isLimited
    ? 'the `concurrency` of the declaration in Hatchet may'
    : 'the priority, the worker labels, or the `concurrency` or `rateLimits` of the declaration in Hatchet may';
}

/** Says what they wait for, and for how long if the engine has said so. */
function waits({ look, first: { attempt }, who, isOne }: Alike, what: string) {
  if (attempt?.phase !== 'waiting') return { clause: `${who} ${isOne ? 'waits' : 'wait'} ${what}`, since: undefined };
  const { since } = attempt;
  return { clause: `${who} ${isOne ? 'has' : 'have'} waited ${lasting(look.engine.now - since)} ${what}`, since };
}

function named(workers: readonly ConnectedWorker[]): string {
  const most = 3;
  const some = workers.slice(0, most).map(({ name }) => quoted(name));
  const more = workers.length - some.length;
  return `the worker${workers.length === 1 ? '' : 's'} ${list(more > 0 ? [...some, `${more} more`] : some)}`;
}
