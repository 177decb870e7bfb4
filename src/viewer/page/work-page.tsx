import { useEffect, useState } from 'preact/hooks';
import type { LiveView, WorkView } from '../wire';
import { Actions } from './actions';
import { addressOf } from './api';
import { Explanation } from './explanation';
import { lasting } from './format';
import { GroupSections } from './group-sections';
import { useAsked, useTicks } from './hooks';
import { Live } from './live';
import { Ago, Empty, Fact, Link, Loading, Problem, Status, Tags, Text } from './parts';
import { Payloads } from './payloads';
import { CallbackList } from './callback-list';
import { ProgressPanel } from './progress-panel';

const ended = ['succeeded', 'failed', 'cancelled'];
const askAgainMs = 5_000;

/** One group or item. */
export function WorkPage({ id }: { id: string }) {
  const [live, setLive] = useState<LiveView>();
  const [isGone, setGone] = useState(false);
  const [changes, setChanges] = useState(0);
  const [isMissing, setMissing] = useState(false);
  // A page that was opened while Redis was away asks again until there is an answer.
  const trials = useTicks(isMissing ? askAgainMs : undefined);
  // What is not live is read again when the status changes, and after each write.
  const { value: work, problem } = useAsked<WorkView>(
    addressOf(['work', id]),
    `${live?.status ?? ''} ${live?.progress?.closed ?? ''} ${live?.progress?.callbacks.pending ?? ''} ${changes} ${trials}`,
  );
  useEffect(() => setMissing(!work && problem !== undefined), [work, problem]);
  useEffect(() => {
    setLive(undefined);
    setGone(false);
    const following = new Live<LiveView>(
      { events: addressOf(['work', id, 'events']), poll: addressOf(['work', id]) },
      { update: setLive, gone: () => setGone(true) },
    );
    return () => following.stop();
  }, [id]);
  useEffect(() => {
    if (work) document.title = `${work.name || work.id} – mageflow`;
  }, [work?.name]);
  if (!work) return problem === undefined ? <Loading /> : <NotThere id={id} problem={problem} />;
  const shown: WorkView = { ...work, ...live };
  const { kind, name, status, tags, progress } = shown;
  return (
    <article>
      {isGone && <Problem>It is not stored any more: its retention has passed, or somebody has removed it.</Problem>}
      <header class="work-head">
        <div>
          {shown.parent !== undefined && (
            <p class="up">
              <Link id={shown.parent}>↑ Group {shown.parent}</Link>
            </p>
          )}
          <h1>
            <Text>{name || shown.id}</Text>
          </h1>
          <p class="under">
            <Status status={status} />
            <span class="kind">{kind}</span>
            <code class="id">{shown.id}</code>
            <Tags tags={tags} />
          </p>
        </div>
        <Actions work={shown} onDone={() => setChanges(changes + 1)} />
      </header>
      {progress && (kind !== 'task' || progress.total > 1) ? <ProgressPanel id={id} progress={progress} /> : null}
      <Facts work={shown} />
      {shown.error !== undefined && <pre class="error-text">{shown.error}</pre>}
      {!ended.includes(status) && <Explanation id={id} trigger={status} />}
      {(shown.hasMessage || shown.hasOutput) && <Payloads work={shown} />}
      {kind === 'task' && status === 'succeeded' && (
        <p class="quiet">Its message is not kept, because it has succeeded.</p>
      )}
      {progress && kind !== 'task' ? (
        <GroupSections work={shown} progress={progress} />
      ) : (
        (shown.callbacks?.length ?? 0) > 0 && (
          <section>
            <h2>Callbacks</h2>
            <CallbackList callbacks={shown.callbacks ?? []} />
          </section>
        )
      )}
    </article>
  );
}

function NotThere({ id, problem }: { id: string; problem: string }) {
  return (
    <>
      <h1>
        <Text>{id}</Text>
      </h1>
      <Empty>
        {problem} <Link>Show all groups</Link>
      </Empty>
    </>
  );
}

function Facts({ work }: { work: WorkView }) {
  const { createdAt, startedAt, endedAt, attempts, runId, runUrl, metadata, progress } = work;
  return (
    <dl class="facts">
      {createdAt !== undefined && (
        <Fact name="created">
          <Ago time={createdAt} />
        </Fact>
      )}
      {startedAt !== undefined && (
        <Fact name="started">
          <Ago time={startedAt} />
        </Fact>
      )}
      {endedAt !== undefined && (
        <Fact name="ended">
          <Ago time={endedAt} />
        </Fact>
      )}
      {startedAt !== undefined && endedAt !== undefined && <Fact name="took">{lasting(endedAt - startedAt)}</Fact>}
      {attempts !== undefined && <Fact name="attempts">{attempts}</Fact>}
      {progress && !progress.closed && endedAt === undefined && <Fact name="open">takes more items</Fact>}
      {progress?.nextStartAt !== undefined && (
        <Fact name={progress.rateLimited ? 'rate limit, next start' : 'paused until'}>
          <Ago time={progress.nextStartAt} />
        </Fact>
      )}
      {runId !== undefined && (
        <Fact name="run">
          {runUrl === undefined ? (
            <code>{runId}</code>
          ) : (
            <a href={runUrl} target="_blank" rel="noreferrer">
              <code>{runId}</code> in Hatchet
            </a>
          )}
        </Fact>
      )}
      {Object.entries(metadata ?? {}).map(([key, value]) => (
        <div class="fact" key={key}>
          <dt>
            <Text>{key}</Text>
          </dt>
          <dd>
            <Text>{value}</Text>
          </dd>
        </div>
      ))}
    </dl>
  );
}
