// Builds on the declarations of library.ts: what they say of its tasks and groups is what was declared.
import {
  added,
  all,
  batch,
  byName,
  etl,
  mage,
  many,
  ofBatch,
  ofResize,
  report,
  resize,
  start,
} from '../library/library.js';

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function exactly<E>() {
  // An arrow function with type parameters is no syntax of .mts and .cts files.
  return function <A>(_value: A, ..._same: Equal<A, E> extends true ? [] : [never]): void {
    return undefined;
  };
}

type Resized = { path: string; at: string; done?: boolean };

export async function use(): Promise<void> {
  const resized = await (await ofResize).run();
  exactly<string>()(resized.at);
  const same: Resized = resized;
  exactly<Resized | number>()((await (await many).run())[0] as Resized | number);
  exactly<{ processed: number }>()(await (await ofBatch).run());
  await (await (await ofBatch).children()).progress();
  await (await byName).run({ path: 'x' });
  await (await etl).run({ a: 'x' });
  const { one, at } = await start('x');
  const text: string | undefined = at;
  await one.run({ path: text ?? 'y' });
  const { item } = await added([]);
  await item.run({ path: 'x' });
  await mage.sign(batch, { items: ['x'] });
  await mage.swarm({ tasks: [[resize, { path: same.path }]], successCallbacks: [report] });
  // @ts-expect-error -- there is no such field
  await mage.sign(resize, { pth: 'x' });
  // @ts-expect-error -- its rows are a list of objects
  await mage.swarm({ tasks: [all.plain], successCallbacks: [report] });
}
