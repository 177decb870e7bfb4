import { eventually, newHatchet } from '../helpers/fixture';
import { Faults } from '../helpers/faults';
import { closedPort } from '../helpers/own-redis';

let faults: Faults;
afterAll(() => faults.close());

test('a reconciler that waits for the engine with one group goes on with the others', async () => {
  const addresses = { host_port: `127.0.0.1:${await closedPort()}` };
  faults = new Faults({ leaseMs: 1_000, reconcileIntervalMs: 300 }, undefined, newHatchet(undefined, addresses));
  const { store } = faults.deadProcess();
  const granted = async () => {
    const swarm = await faults.mage.swarm({ tasks: ['stamp'], isSwarmClosed: true });
    await store.run(swarm.id, '{}');
    return swarm.id;
  };
  const takenOver = (id: string) =>
    faults.log.lines.some((line) => line.includes(`publishing item 0 ("stamp") of the swarm "swarm" (${id}) again`));
  faults.mage.startReconciler();
  const first = await granted();
  await eventually('it tries to publish what a dead process left', () => takenOver(first));
  const second = await granted();
  await eventually('it looks after a later one as well', () => takenOver(second));
});
