/** Three commands of the command line that show a swarm of the demo. @param namespace - of its client, '' for none */
export function commandsToTry(swarmId: string, namespace: string, failed: number): string[] {
  const where = namespace === '' ? '' : ` --namespace ${namespace}`;
  const third = failed > 0 ? `failures ${swarmId}` : `results ${swarmId}`;
  return ['list', `show ${swarmId}`, third].map((command) => `npm run --silent cli -- ${command}${where}`);
}
