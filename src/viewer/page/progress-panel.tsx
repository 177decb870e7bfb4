import type { ProgressView } from '../wire';
import { count, lasting, rate } from './format';
import { barStates, StateBar } from './parts';
import { RateChart } from './rate-chart';
import { place, setQuery } from './router';

/** The counts of a group, its pace, and the time that is left. */
export function ProgressPanel({ id, progress }: { id: string; progress: ProgressView }) {
  const { total, perSecond, etaMs, status, succeeded, failed, cancelled } = progress;
  const done = succeeded + failed + cancelled;
  const chosen = place.value.query.get('state');
  return (
    <section class="panel" aria-label="Progress">
      <div class="panel-head">
        <p class="big">
          <span class="number">{count(done)}</span>
          <span class="quiet"> of {count(total)} ended</span>
        </p>
        <p class="pace quiet">
          {status === 'running' && <span class="number">{rate(perSecond)}</span>}
          {etaMs !== undefined && <span class="number"> · {lasting(etaMs)} left</span>}
        </p>
      </div>
      <StateBar progress={progress} large />
      <ul class="legend">
        {barStates.map((state) => (
          <li key={state}>
            <button
              type="button"
              class={`legend-state is-${state}`}
              aria-pressed={chosen === state}
              title={`Show the items that are ${state}`}
              onClick={() => setQuery({ state: chosen === state ? undefined : state, tab: undefined })}
            >
              <span class="dot" aria-hidden="true" />
              {state} <span class="number">{count(progress[state])}</span>
            </button>
          </li>
        ))}
      </ul>
      <RateChart id={id} progress={progress} />
    </section>
  );
}
