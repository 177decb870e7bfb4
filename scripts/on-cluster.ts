/**
 * Runs a command with a Redis Cluster of three masters beside what it has: `tsx scripts/on-cluster.ts -- COMMAND ARGS…`.
 * The suites' fixtures use it instead of the one Redis.
 */
import { spawn } from 'node:child_process';
import { OwnCluster } from '../__tests__/helpers/own-cluster';
import { runInForeground } from './child';
import { errorMessage } from './stack/errors';
import { onStopSignal } from './stack/stop-signals';

/** Ends the servers when this process is gone, however it ended. Gives what calls that off. */
function endWithThisProcess(pids: readonly number[]): () => void {
  // Its input ends with this process; a group of its own keeps a terminal's Ctrl-C from it.
  const watch = spawn('sh', ['-c', `cat >/dev/null; kill -9 ${pids.join(' ')} 2>/dev/null`], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  watch.unref();
  return () => watch.kill('SIGKILL');
}

async function main(): Promise<void> {
  const args = process.argv.slice(2);
  const [command, ...rest] = args[0] === '--' ? args.slice(1) : args;
  if (command === undefined) throw new Error('Expected a command. Usage: tsx scripts/on-cluster.ts -- COMMAND ARGS…');
  let interrupted: NodeJS.Signals | undefined;
  const listenNoMore = onStopSignal((signal) => void (interrupted ??= signal));
  const cluster = await OwnCluster.open();
  const callOff = endWithThisProcess(cluster.nodes.flatMap(({ pid }) => pid ?? []));
  try {
    if (interrupted) throw new Error(`Ended by ${interrupted} before the command was started.`);
    console.error(`cluster: ready on the ports ${cluster.ports.join(', ')}`);
    const env = { ...process.env, MAGEFLOW_TEST_CLUSTER: cluster.ports.join(',') };
    process.exitCode = await runInForeground(command, rest, { env });
  } finally {
    callOff();
    await cluster.close();
    listenNoMore();
  }
}

main().catch((error: unknown) => {
  console.error(`on-cluster: ${errorMessage(error)}`);
  process.exitCode = 1;
});
