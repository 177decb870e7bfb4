import { useState } from 'preact/hooks';
import type { ExplanationView, ReasonView } from '../wire';
import { addressOf } from './api';
import { useAsked, useTicks } from './hooks';
import { Ago, Link, Loading, Problem } from './parts';

const askAgainMs = 5_000;

/** Why something waits. It asks only while it is open. */
export function Explanation({ id, trigger }: { id: string; trigger: string }) {
  const [isOpen, setOpen] = useState(false);
  const ticks = useTicks(isOpen ? askAgainMs : undefined);
  const { value, problem } = useAsked<ExplanationView>(
    isOpen ? addressOf(['work', id, 'explain']) : undefined,
    `${ticks} ${trigger}`,
  );
  return (
    <details class="panel fold" open={isOpen} onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
      <summary>Why is it waiting?</summary>
      {problem !== undefined && <Problem>{problem}</Problem>}
      {isOpen && !value && problem === undefined && <Loading />}
      {value && (
        <div class="explanation">
          <p>{value.summary}</p>
          <Reasons reasons={value.reasons} />
        </div>
      )}
    </details>
  );
}

function Reasons({ reasons }: { reasons: readonly ReasonView[] }) {
  return (
    <ul class="reasons">
      {reasons.map(({ code, text, since, entry, hint, reasons: below }, i) => (
        <li key={`${code} ${i}`}>
          <p>
            <code>{code}</code> {text}
            {since !== undefined && (
              <span class="quiet">
                {' '}
                (since <Ago time={since} />)
              </span>
            )}
            {entry !== undefined && (
              <>
                {' '}
                <Link id={entry}>show it</Link>
              </>
            )}
          </p>
          {hint !== undefined && <p class="hint">→ {hint}</p>}
          {below && below.length > 0 && <Reasons reasons={below} />}
        </li>
      ))}
    </ul>
  );
}
