/** What a stack starts itself in an environment, in words: what is given there is somebody else's. */
export function startedServices(env: NodeJS.ProcessEnv): string[] {
  const engine = env['HATCHET_CLIENT_TOKEN'] ? [] : ['the engine', ...(env['DATABASE_URL'] ? [] : ['Postgres'])];
  return [...engine, ...(env['REDIS_URL'] ? [] : ['Redis'])];
}

/** What becomes of them at the end of the demo. */
export function endOfDemo(env: NodeJS.ProcessEnv): string {
  const started = startedServices(env);
  if (started.length === 0) return 'Your engine and your Redis stay as they are: the demo has started nothing.';
  return `What the demo has started stops now (${inWords(started)}); npm run demo -- --keep leaves it up.`;
}

/** What becomes of them with `--keep`. */
export function keptServices(env: NodeJS.ProcessEnv): string {
  const started = startedServices(env);
  if (started.length === 0) return 'The demo has started nothing that could be kept. Ctrl-C ends it.';
  const words = inWords(started);
  return `${words.charAt(0).toUpperCase()}${words.slice(1)} ${started.length === 1 ? 'keeps' : 'keep'} running until Ctrl-C.`;
}

function inWords(names: readonly string[]): string {
  return [names.slice(0, -1).join(', '), names.at(-1)].filter(Boolean).join(' and ');
}
