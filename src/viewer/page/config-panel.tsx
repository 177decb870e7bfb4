import { useState } from 'preact/hooks';
import type { WorkView } from '../wire';
import { postAction, problemOf } from './api';
import { Dialog } from './dialog';
import { count, lasting } from './format';
import { say } from './notice';
import { Fact } from './parts';
import { canWrite } from './session';

type Config = Record<string, unknown>;

const labels: Record<string, string> = {
  maxConcurrency: 'at once',
  rateLimit: 'rate limit',
  stopAfterNFailures: 'stops after failures',
  stopAfterFailureRatio: 'stops after share of failures',
  onStop: 'on a stop, running items',
  timeoutMs: 'time limit',
  maxItems: 'closes at items',
  closeAfterIdleMs: 'closes when idle for',
  keepResults: 'results',
};

/** A field of the form: a number, in units of the form. */
interface Field {
  name: string;
  label: string;
  /** How many of what is stored a unit of the form is. */
  unit: number;
  step: string;
}

const fields: readonly Field[] = [
  { name: 'maxConcurrency', label: 'Items at once', unit: 1, step: '1' },
  { name: 'stopAfterNFailures', label: 'Stop after failures', unit: 1, step: '1' },
  { name: 'stopAfterFailureRatio', label: 'Stop after share of failures (0 to 1)', unit: 1, step: 'any' },
  { name: 'timeoutMs', label: 'Time limit, in s', unit: 1_000, step: 'any' },
  { name: 'maxItems', label: 'Close at items', unit: 1, step: '1' },
  { name: 'closeAfterIdleMs', label: 'Close when idle for, in s', unit: 1_000, step: 'any' },
];

const ended = ['succeeded', 'failed', 'cancelled'];

/** The configuration of a swarm, or of the children of a root. */
export function ConfigPanel({ work, config }: { work: WorkView; config: Config }) {
  const [isEdited, setEdited] = useState(false);
  const [latest, setLatest] = useState<Config>({});
  const shown = { ...config, ...latest };
  return (
    <>
      <dl class="facts">
        {Object.entries(shown).map(([name, value]) => (
          <Fact key={name} name={labels[name] ?? name}>
            {textOf(name, value)}
          </Fact>
        ))}
      </dl>
      {canWrite && !ended.includes(work.status) && (
        <button type="button" onClick={() => setEdited(true)}>
          Change
        </button>
      )}
      {isEdited && (
        <ConfigForm
          work={work}
          config={shown}
          onEnd={(changed) => {
            setEdited(false);
            if (changed) setLatest({ ...latest, ...changed });
          }}
        />
      )}
    </>
  );
}

function textOf(name: string, value: unknown): string {
  if (name === 'keepResults') return value === false ? 'not kept' : 'kept';
  if (name === 'onStop') return value === 'cancel' ? 'are cancelled' : 'finish';
  if (value === null || value === undefined) return 'no limit';
  if (name === 'rateLimit') {
    const { limit, perMs, burst } = value as { limit: number; perMs: number; burst: number };
    return `${count(limit)} per ${lasting(perMs)}, ${count(burst)} at once`;
  }
  if (typeof value === 'number') return name.endsWith('Ms') ? lasting(value) : count(value);
  return JSON.stringify(value);
}

function ConfigForm({ work, config, onEnd }: { work: WorkView; config: Config; onEnd: (changed?: Config) => void }) {
  const rateLimit = config['rateLimit'] as { limit: number; perMs: number; burst: number } | null;
  const [values, setValues] = useState<Record<string, string>>({
    ...Object.fromEntries(
      fields.map(({ name, unit }) => [name, typeof config[name] === 'number' ? String(config[name] / unit) : '']),
    ),
    limit: rateLimit ? String(rateLimit.limit) : '',
    per: rateLimit ? String(rateLimit.perMs / 1_000) : '',
    burst: rateLimit ? String(rateLimit.burst) : '',
    onStop: config['onStop'] === 'cancel' ? 'cancel' : 'finish',
  });
  const [first] = useState(values);
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string>();
  const set = (name: string) => (event: { currentTarget: { value: string } }) =>
    setValues({ ...values, [name]: event.currentTarget.value });
  const save = async () => {
    const changed = changesOf(first, values);
    if (Object.keys(changed).length === 0) return onEnd();
    setBusy(true);
    try {
      await postAction(work.id, 'update', { config: changed });
      say('Changed.');
      onEnd(changed);
    } catch (failure) {
      setProblem(problemOf(failure));
      setBusy(false);
    }
  };
  const number = (name: string, label: string, step: string) => (
    <label class="field" key={name}>
      {label}
      <input type="number" min="0" step={step} value={values[name] ?? ''} onInput={set(name)} />
    </label>
  );
  return (
    <Dialog
      title={`Change the limits of “${work.name || work.id}”?`}
      yes="Change"
      isBusy={isBusy}
      problem={problem}
      onYes={() => void save()}
      onNo={() => onEnd()}
    >
      <p class="quiet">An empty field is no limit. What runs is not affected.</p>
      <div class="form-grid">
        {fields.filter(({ name }) => name in config).map(({ name, label, step }) => number(name, label, step))}
        {number('limit', 'Rate limit: items', '1')}
        {number('per', 'Rate limit: per s', 'any')}
        {number('burst', 'Rate limit: at once', '1')}
        <label class="field">
          On a stop, running items
          <select value={values['onStop']} onChange={set('onStop')}>
            <option value="finish">finish</option>
            <option value="cancel">are cancelled</option>
          </select>
        </label>
      </div>
    </Dialog>
  );
}

/** Returns what of the form has changed, as `update` takes it. */
function changesOf(before: Record<string, string>, after: Record<string, string>): Config {
  const changed: Config = {};
  const numberOf = (text: string | undefined, unit = 1) => (text ? Number(text) * unit : null);
  for (const { name, unit } of fields) if (after[name] !== before[name]) changed[name] = numberOf(after[name], unit);
  if (['limit', 'per', 'burst'].some((name) => after[name] !== before[name])) {
    const limit = numberOf(after['limit']);
    const burst = numberOf(after['burst']);
    changed['rateLimit'] =
      limit === null ? null : { limit, perMs: numberOf(after['per'], 1_000), ...(burst === null ? {} : { burst }) };
  }
  if (after['onStop'] !== before['onStop']) changed['onStop'] = after['onStop'];
  return changed;
}
