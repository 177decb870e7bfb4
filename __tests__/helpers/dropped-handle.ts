/** A process of its own that starts what fails, drops the handle, waits until it has failed, and ends: exit code 0. */
import { Fixture } from './fixture';
import { TaskSet } from './task-set';

async function main(): Promise<void> {
  const fixture = new Fixture();
  const taskSet = new TaskSet(fixture);
  await fixture.worker(taskSet.tasks);
  const failing = await fixture.mage.sign(taskSet.work, { fail: 'nobody looks' });
  const handle = await failing.runNoWait();
  const batch = await fixture.mage.swarm({
    tasks: [[taskSet.work, { fail: 'nor here' }]],
    config: { stopAfterNFailures: 1 },
    isSwarmClosed: true,
  });
  const swarmHandle = await batch.runNoWait();
  // None of these reads what could reject.
  JSON.stringify([handle, swarmHandle]);
  console.log(String(handle), { ...handle }, { ...swarmHandle }, handle, swarmHandle);
  await taskSet.settled(failing);
  await taskSet.settled(batch);
  // Rejections that nobody handles end the process in the turn after they happen.
  await new Promise((resolve) => setImmediate(resolve));
  console.log(`failed: ${await failing.status()} ${await batch.status()}`);
  await fixture.close();
}

void main();
