import { useEffect, useState } from 'preact/hooks';
import type { PayloadView, WorkView } from '../wire';
import { addressOf } from './api';
import { count } from './format';
import { useAsked } from './hooks';
import { Loading, Problem } from './parts';

/** The message and the output, each hidden until somebody asks for it. */
export function Payloads({ work }: { work: WorkView }) {
  return (
    <section class="payloads">
      {work.hasMessage && <Payload id={work.id} part="message" status={work.status} />}
      {work.hasOutput && <Payload id={work.id} part="output" status={work.status} />}
    </section>
  );
}

function Payload({ id, part, status }: { id: string; part: 'message' | 'output'; status: string }) {
  const [isOpen, setOpen] = useState(false);
  useEffect(() => setOpen(false), [id]);
  const { value, problem } = useAsked<PayloadView>(
    isOpen ? addressOf(['work', id, 'payload'], { part }) : undefined,
    status,
  );
  return (
    <details class="panel fold" open={isOpen} onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
      <summary>{part === 'message' ? 'Message' : 'Output'}</summary>
      {problem !== undefined && <Problem>{problem}</Problem>}
      {isOpen && !value && problem === undefined && <Loading />}
      {value && <Shown value={value} part={part} />}
    </details>
  );
}

function Shown({ value, part }: { value: PayloadView; part: string }) {
  const { text, length } = value;
  if (text === '') return <p class="empty">None is shown.</p>;
  return (
    <>
      <pre class="payload" tabIndex={0} aria-label={part}>
        {text}
      </pre>
      {length > text.length && (
        <p class="quiet">
          The first {count(text.length)} of {count(length)} characters.
        </p>
      )}
    </>
  );
}
