import { render } from 'preact';
import { ListPage } from './list-page';
import { connection } from './live';
import { notice } from './notice';
import { Link } from './parts';
import { place } from './router';
import { WorkPage } from './work-page';

function Page() {
  const { id } = place.value;
  return (
    <>
      <a class="skip" href="#main">
        Skip to the content
      </a>
      <header class="top">
        <Link class="brand">mageflow</Link>
        <Connection />
      </header>
      <main id="main" tabIndex={-1}>
        {id === undefined ? <ListPage /> : <WorkPage key={id} id={id} />}
      </main>
      <div class="notice" role="status">
        {notice.value && <p>{notice.value}</p>}
      </div>
    </>
  );
}

const words = { connecting: 'connecting', live: 'live', away: 'not live', paused: 'paused' };

function Connection() {
  const { state, text } = connection.value;
  return (
    <p class={`connection is-${state}`} role="status">
      <span class="dot" aria-hidden="true" />
      {text ?? words[state]}
    </p>
  );
}

const app = document.getElementById('app');
if (app) render(<Page />, app);
