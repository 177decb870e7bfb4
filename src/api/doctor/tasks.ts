import type { HealthReader } from '../../store/health-reader';
import type { EngineLook } from '../explain/engine-look';
import { quoted } from '../../utils/quoted';
import { count, list } from '../explain/words';
import { unchecked, type Found } from './finding';
import type { Survey } from './survey';

/** The number of names of tasks that are looked at, and that are named. */
const most = { names: 500, named: 5 };

/** Looks whether workers serve the tasks of groups in progress. Only the engine's list of workers can say that none does. */
export async function tasks(
  { groups, now }: Survey,
  engine: EngineLook,
  health: Pick<HealthReader, 'servedNames'>,
): Promise<Found[]> {
  const all = [...new Set(groups.flatMap((group) => [...group.tasks]))];
  const names = all.slice(0, most.names);
  if (names.length === 0) return [{ level: 'ok', clause: 'no task waits for a worker' }];
  const loads = await Promise.all(names.map(async (name) => ({ name, load: await engine.load(name) })));
  if (engine.unchecked !== undefined) {
    const served = new Map((await health.servedNames()).map(({ name, until }) => [name, until]));
    const announced = names.filter((name) => (served.get(name.toLowerCase()) ?? 0) > now);
    const known = `workers with mageflow have announced ${announced.length} of the ${count(names.length, 'task name')} in progress`;
    return [unchecked('whether workers serve the tasks in progress', `${engine.unchecked}; ${known}`)];
  }
  const without = loads.filter(({ load }) => load?.active.length === 0);
  if (without.length === 0) {
    const looked =
      all.length > names.length ? `${names.length} of ${all.length} task names` : count(all.length, 'task name');
    return [{ level: 'ok', clause: `workers serve the ${looked} in progress` }];
  }
  return Promise.all(
    without.slice(0, most.named).map(async ({ name, load }) => {
      const ids = groups.filter((group) => group.tasks.has(name)).map(({ id }) => id);
      return { ...(await unserved(name, load?.paused.map((worker) => worker.name) ?? [], engine)), ids };
    }),
  ).then((found) => [...found, ...more(without.slice(most.named).map(({ name }) => name))]);
}

async function unserved(name: string, paused: readonly string[], engine: EngineLook): Promise<Found> {
  if (paused.length > 0)
    return {
      level: 'error',
      clause: `only paused workers serve the task ${quoted(name)}: ${list(paused.slice(0, 3).map(quoted))}`,
      todo: 'Unpause one of them in Hatchet, or start another worker.',
    };
  if ((await engine.isKnown(name)) === false)
    return {
      level: 'error',
      clause: `no worker has ever registered a task named ${quoted(name)}`,
      todo: 'Correct the name where the group is made, or start a worker that has a task of that name.',
    };
  return {
    level: 'error',
    clause: `no active worker serves the task ${quoted(name)}`,
    todo: `Start a worker that has ${quoted(name)} among its workflows, with the same Hatchet tenant and namespace.`,
  };
}

function more(names: readonly string[]): Found[] {
  if (names.length === 0) return [];
  const shown = list([...names.slice(0, most.named).map(quoted), ...(names.length > most.named ? ['others'] : [])]);
  return [
    {
      level: 'error',
      clause: `no active worker serves ${count(names.length, 'further task')} either: ${shown}`,
      todo: 'Start workers that have them among their workflows.',
    },
  ];
}
