import { useState } from 'preact/hooks';
import type { ActionName, WorkView } from '../wire';
import { postAction, problemOf } from './api';
import { Dialog } from './dialog';
import { count, counted } from './format';
import { say } from './notice';
import { canWrite } from './session';

const ended = ['succeeded', 'failed', 'cancelled'];

interface Action {
  name: ActionName;
  /** What its button says. */
  label: string;
  /** What it will do, for the question. */
  question: string;
  done: string;
  isDangerous?: boolean;
}

/** Returns what can be done with something in its state. */
function actionsFor({ kind, status, progress }: WorkView): Action[] {
  const isOver = ended.includes(status);
  const left = progress ? progress.total - progress.succeeded - progress.failed - progress.cancelled : 1;
  const toRetry = progress ? progress.failed + progress.cancelled : 0;
  const actions: (Action | false)[] = [
    !isOver &&
      status !== 'suspended' && {
        name: 'suspend',
        label: 'Suspend',
        question: 'What runs goes on, and nothing new starts until you resume it.',
        done: 'Suspended.',
      },
    status === 'suspended' && {
      name: 'resume',
      label: 'Resume',
      question: 'What waits may start again.',
      done: 'Resumed.',
    },
    kind === 'swarm' &&
      !isOver &&
      progress !== undefined &&
      !progress.closed && {
        name: 'close',
        label: 'Close',
        question: 'It takes no more items, and ends when all of its items have.',
        done: 'Closed.',
      },
    !isOver && {
      name: 'cancel',
      label: 'Cancel',
      question: progress
        ? `${counted(left, 'item')} ${left === 1 ? 'has' : 'have'} not ended. What runs is cancelled, what waits never starts.`
        : 'If it runs, it is cancelled; if it waits, it never starts.',
      done: 'Cancelled.',
      isDangerous: true,
    },
    isOver &&
      kind !== 'task' &&
      status !== 'succeeded' &&
      toRetry >= 0 && {
        name: 'retry',
        label: 'Retry failed',
        question: `What failed, was cancelled or never started runs again${toRetry > 0 ? `: at most ${counted(toRetry, 'item')}` : ''}. What succeeded stays as it is.`,
        done: '',
      },
    isOver &&
      kind === 'swarm' &&
      status === 'succeeded' &&
      toRetry > 0 && {
        name: 'retry',
        label: 'Retry failed',
        question: `What failed or was cancelled runs again: at most ${counted(toRetry, 'item')}. What succeeded stays as it is.`,
        done: '',
      },
  ];
  return actions.filter((action) => action !== false);
}

/** The buttons of a group or item, for those who may use them. */
export function Actions({ work, onDone }: { work: WorkView; onDone: () => void }) {
  const [asked, setAsked] = useState<Action>();
  if (!canWrite) return null;
  return (
    <div class="actions">
      {actionsFor(work).map((action) => (
        <button
          key={action.name}
          type="button"
          class={action.isDangerous ? 'is-dangerous' : ''}
          onClick={() => setAsked(action)}
        >
          {action.label}
        </button>
      ))}
      {asked && (
        <Question
          work={work}
          action={asked}
          onEnd={(isDone) => {
            setAsked(undefined);
            if (isDone) onDone();
          }}
        />
      )}
    </div>
  );
}

function Question({ work, action, onEnd }: { work: WorkView; action: Action; onEnd: (isDone: boolean) => void }) {
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string>();
  const [name, setName] = useState('');
  const [error, setError] = useState('');
  const { label, question, done, isDangerous = false } = action;
  const isChosen = action.name === 'retry' && (work.kind === 'swarm' || work.kind === 'root');
  const yes = async () => {
    setBusy(true);
    try {
      const filter = { ...(name === '' ? {} : { name }), ...(error === '' ? {} : { error }) };
      const { retried } = await postAction(work.id, action.name, isChosen ? filter : {});
      const again = retried === 0 ? 'Nothing was there to run again.' : `${count(retried ?? 0)} to run again.`;
      say(retried === undefined ? done : again);
      onEnd(true);
    } catch (failure) {
      setProblem(problemOf(failure));
      setBusy(false);
    }
  };
  return (
    <Dialog
      title={`${label} “${work.name || work.id}”?`}
      yes={label}
      isDangerous={isDangerous}
      isBusy={isBusy}
      problem={problem}
      onYes={() => void yes()}
      onNo={() => onEnd(false)}
    >
      <p>{question}</p>
      {isChosen && (
        <>
          <label class="field">
            Only items with this name
            <input type="text" value={name} onInput={({ currentTarget }) => setName(currentTarget.value)} />
          </label>
          <label class="field">
            Only items whose error contains
            <input type="text" value={error} onInput={({ currentTarget }) => setError(currentTarget.value)} />
          </label>
        </>
      )}
    </Dialog>
  );
}
