import { useState } from 'preact/hooks';
import type { FailuresView } from '../wire';
import { addressOf } from './api';
import { count, counted } from './format';
import { useAsked } from './hooks';
import { Empty, Link, Loading, Problem, Text } from './parts';

/** What failed, grouped by message or name. */
export function Failures({ id, failed }: { id: string; failed: number }) {
  const [by, setBy] = useState<'message' | 'name'>('message');
  const { value, problem } = useAsked<FailuresView>(
    failed > 0 ? addressOf(['work', id, 'failures'], { by }) : undefined,
    failed,
  );
  if (failed === 0) return <Empty>Nothing has failed.</Empty>;
  const most = value?.groups[0]?.count ?? 1;
  return (
    <>
      <p class="section-head">
        <label>
          Group by{' '}
          <select value={by} onChange={({ currentTarget }) => setBy(currentTarget.value as 'message')}>
            <option value="message">message</option>
            <option value="name">name</option>
          </select>
        </label>
        {value && value.looked < failed && (
          <span class="quiet">The first {count(value.looked)} failures are looked at.</span>
        )}
      </p>
      {problem !== undefined && <Problem>{problem}</Problem>}
      {!value && problem === undefined && <Loading />}
      <ul class="rows">
        {value?.groups.map((group) => (
          <li key={group.text} class="row failure">
            <span class="failure-count number">{count(group.count)}</span>
            <span class="failure-bar" aria-hidden="true">
              <span style={{ width: `${(group.count / most) * 100}%` }} />
            </span>
            <span class="failure-text">
              <Text>{group.text || '(no message)'}</Text>
            </span>
            <span class="quiet examples">
              {counted(group.count, 'failure')}, for example{' '}
              {group.examples.map((example, i) => (
                <span key={example.id}>
                  {i > 0 && ', '}
                  <Link id={example.id}>#{count(example.index)}</Link>
                </span>
              ))}
            </span>
          </li>
        ))}
      </ul>
    </>
  );
}
