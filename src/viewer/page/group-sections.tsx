import type { ProgressView, WorkView } from '../wire';
import { CallbackList } from './callback-list';
import { ConfigPanel } from './config-panel';
import { Failures } from './failures';
import { count } from './format';
import { ItemsTable } from './items-table';
import { Empty } from './parts';
import { place, setQuery } from './router';
import { Tree } from './tree';

const tabs = ['items', 'failures', 'tree', 'callbacks', 'config'] as const;

type Tab = (typeof tabs)[number];

const names: Record<Tab, string> = {
  items: 'Items',
  failures: 'Failures',
  tree: 'Tree',
  callbacks: 'Callbacks',
  config: 'Configuration',
};

/** The parts of a group's page, one at a time; which one stands in the address. */
export function GroupSections({ work, progress }: { work: WorkView; progress: ProgressView }) {
  const wanted = place.value.query.get('tab') as Tab | null;
  const shown = tabs.filter((tab) => tab !== 'config' || work.config !== undefined);
  const tab = wanted && shown.includes(wanted) ? wanted : 'items';
  const { callbacks } = progress;
  const numbers: Partial<Record<Tab, number>> = {
    items: progress.total,
    failures: progress.failed,
    callbacks: callbacks.pending + callbacks.succeeded + callbacks.failed,
  };
  const choose = (next: Tab | undefined) => {
    if (!next) return;
    setQuery({ tab: next === 'items' ? undefined : next });
    document.getElementById(`tab-${next}`)?.focus();
  };
  return (
    <section class="tabs">
      <div
        role="tablist"
        aria-label="Parts of this group"
        onKeyDown={(event) => {
          const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
          if (step !== undefined) choose(shown[(shown.indexOf(tab) + step + shown.length) % shown.length]);
        }}
      >
        {shown.map((name) => (
          <button
            key={name}
            type="button"
            role="tab"
            id={`tab-${name}`}
            aria-selected={name === tab}
            aria-controls="tab-panel"
            tabIndex={name === tab ? 0 : -1}
            onClick={() => choose(name)}
          >
            {names[name]}
            {(numbers[name] ?? 0) > 0 && <span class="badge number">{count(numbers[name] ?? 0)}</span>}
          </button>
        ))}
      </div>
      <div role="tabpanel" id="tab-panel" aria-labelledby={`tab-${tab}`}>
        {tab === 'items' &&
          (progress.total === 0 ? (
            <Empty>It has no items yet.</Empty>
          ) : (
            <ItemsTable key={work.id} id={work.id} progress={progress} />
          ))}
        {tab === 'failures' && <Failures id={work.id} failed={progress.failed} />}
        {tab === 'tree' && <Tree id={work.id} total={progress.total} />}
        {tab === 'callbacks' &&
          (work.callbacks && work.callbacks.length > 0 ? (
            <CallbackList callbacks={work.callbacks} />
          ) : (
            <Empty>None has been invoked yet. Callbacks of the group begin when it has ended.</Empty>
          ))}
        {tab === 'config' && work.config && <ConfigPanel work={work} config={work.config} />}
      </div>
    </section>
  );
}
