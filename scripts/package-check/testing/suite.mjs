// The tests, for either runner and either kind of module. They are written without the runner's functions.
export function suite({ test, expect, afterEach, testing, kit, tasks, factory, connected, Mageflow }) {
  const { createTestKit, matchers, runBody } = testing;
  expect.extend(matchers);
  afterEach(() => kit.reset());

  test('tasks of a module that connects late run in the kit of the setup file', async () => {
    const { importFile, report, startImport } = tasks;
    kit.mock('import-file', { fail: new Error('busy'), times: 1 });
    const swarm = await startImport(['a', 'b', 'c']);
    await kit.drain();
    expect(kit).toHaveRun(importFile, { path: 'b' });
    expect(kit).not.toHaveRun(importFile, { path: 'd' });
    await expect(kit).toHaveRunSwarm('import', { items: 3, failed: 0, maxConcurrency: 2 });
    expect(kit.callbacksOf(swarm)).toMatchObject([{ task: 'report', status: 'completed' }]);
    expect(kit.runsOf(importFile).filter(({ attempt }) => attempt === 2)).toHaveLength(1);
    expect(kit).toBeIdle();
    expect(kit).toHaveRun(report);
  });

  test('a module that connects when it is imported gets the kit, with a mocked client', async () => {
    const { hello, mage } = connected;
    expect(await (await mage.sign(hello)).run({ name: 'Ada' })).toEqual({ text: 'Hello Ada' });
    await kit.drain();
    expect(kit).toHaveRun(hello, { name: 'Ada' });
    expect(new Mageflow({}, 'ignored')).toBeInstanceOf(Mageflow);
  });

  test('the failure of a matcher says how the nearest run differs', async () => {
    await connected.hello.run({ name: 'Ada' });
    expect(() => expect(kit).toHaveRun('hello', { name: 'Bo' })).toThrow("input.name: expected 'Bo', got 'Ada'");
  });

  test('two kits side by side do not meet', async () => {
    const kits = [await createTestKit(), await createTestKit({ mode: 'manual' })];
    for (const [i, one] of kits.entries()) {
      const { double } = factory.makeTasks(one.mage);
      await (await one.mage.sign(double)).runNoWait({ x: i });
    }
    for (const [i, one] of kits.entries()) {
      await one.drain();
      expect(one.runsOf().map(({ output }) => output)).toEqual([{ x: 2 * i }]);
      await one.close();
    }
    expect(kit.runsOf()).toEqual([]);
  });

  test('a registered task runs in the kit that it is registered in', async () => {
    const other = await createTestKit();
    other.register([tasks.importFile]);
    expect(await other.run(() => tasks.importFile.run({ path: 'x' }))).toEqual({ path: 'x', lines: 3 });
    expect(other.runsOf()).toHaveLength(1);
    await other.close();
  });

  test('a body runs by itself', async () => {
    expect(await runBody(tasks.importFile, { path: 'z' })).toEqual({ path: 'z', lines: 3 });
  });
}
