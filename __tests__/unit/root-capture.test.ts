import { identityOfTasks } from '../../src/api/identity';
import { toStored, type AnyDeclaration, type AnySignature } from '../../src/api/types';
import { RootCapture } from '../../src/worker/roots/root-capture';

const warnings: string[] = [];
const logger = { info: () => undefined, warn: (text: string) => void warnings.push(text), error: () => undefined };
/** One attempt of a root's body. */
const attempt = () => new RootCapture('group', 'root-swarm:batch', 'store', logger);

describe('what a body makes is known again in its next attempt', () => {
  test('by what it is', () => {
    const [first, second] = [attempt(), attempt()];
    expect(second.identify('task', 'resize', '{}', '{"a":1}')).toBe(first.identify('task', 'resize', '{}', '{"a":1}'));
  });

  test('by how many equal ones came before it', () => {
    const identities = (root: RootCapture) => [1, 2, 3].map(() => root.identify('task', 'resize', '{}', '{}'));
    const first = identities(attempt());
    expect(new Set(first).size).toBe(3);
    expect(identities(attempt())).toEqual(first);
  });

  test('in whatever order different ones come', () => {
    const parts = ['a', 'b', 'a', 'c', 'b', 'a'];
    const identities = (order: string[]) => {
      const root = attempt();
      return order.map((part) => root.identify('task', part)).sort();
    };
    expect(identities([...parts].reverse())).toEqual(identities(parts));
    expect(new Set(identities(parts)).size).toBe(parts.length);
  });

  test('what differs in any part gets another identity', () => {
    const root = attempt();
    const parts = [
      ['task', 'resize', '{}', '{}'],
      ['root', 'resize', '{}', '{}'],
      ['task', 'rotate', '{}', '{}'],
      ['task', 'resize', '{"a":1}', '{}'],
      ['task', 'resize', '{}', '{"a":1}'],
      ['task', 'resize{}', '', '{}'],
      ['task', 'resize', '{}{}'],
    ];
    const identities = parts.map((each) => root.identify(...each));
    expect(new Set(identities).size).toBe(parts.length);
    // None of them was an equal one that came before.
    expect(identities.filter((identity) => /\.\d+$/.test(identity))).toEqual([]);
  });

  test('by what nobody would give it as a key of his own', () => {
    const [first, ...rest] = attempt().identify('task', 'resize');
    expect([first?.charCodeAt(0), rest.join('')]).toEqual([1, expect.stringMatching(/^[\w-]{22}$/)]);
  });
});

describe('the tasks of a group are known again', () => {
  const declaration = { definition: { name: 'resize' } } as AnyDeclaration;
  const signature = (identity: string) => ({ [toStored]: () => undefined, identity }) as unknown as AnySignature;

  test('by name, however they were named', () => {
    expect(identityOfTasks([declaration])).toBe(identityOfTasks(['resize']));
    expect(identityOfTasks(['resize'])).not.toBe(identityOfTasks(['rotate']));
  });

  test('by the data that they come with', () => {
    expect(identityOfTasks([[declaration, { a: 1 }]])).toBe(identityOfTasks([['resize', { a: 1 }]]));
    expect(identityOfTasks([[declaration, { a: 1 }]])).not.toBe(identityOfTasks([[declaration, { a: 2 }]]));
    expect(identityOfTasks([[declaration, {}]])).toBe(identityOfTasks([declaration]));
  });

  test('by the identities of signatures, and by their order', () => {
    expect(identityOfTasks([signature('a'), signature('b')])).toBe(identityOfTasks([signature('a'), signature('b')]));
    expect(identityOfTasks([signature('a'), signature('b')])).not.toBe(
      identityOfTasks([signature('b'), signature('a')]),
    );
  });
});

describe('a root whose body has returned', () => {
  test('captures nothing more, and says so once', async () => {
    const root = attempt();
    expect(root.captures()).toBe(true);
    expect(warnings).toEqual([]);
    await root.end();
    expect([root.captures(), root.captures()]).toEqual([false, false]);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(/root-swarm:batch .*does not become its child\. Await it in the body\.$/);
  });
});

describe('a root whose durable body was evicted', () => {
  test('captures what its branches still start, without a warning, and counts as over for a later invocation', async () => {
    const before = warnings.length;
    const root = attempt();
    const order: string[] = [];
    void root.begin(new Promise<void>((resolve) => setImmediate(() => (order.push('published'), resolve()))));
    await root.leave();
    expect(order).toEqual(['published']);
    expect([root.captures(), root.isOver]).toEqual([true, true]);
    expect(warnings).toHaveLength(before);
  });
});

test('the end of a body waits for what it has begun to publish, and for what that begins in turn', async () => {
  const root = attempt();
  const order: string[] = [];
  const later = (what: string) => new Promise<void>((resolve) => setImmediate(() => (order.push(what), resolve())));
  const child = root.begin(
    later('added').then(() => {
      root.track(later('published'));
      return 'child';
    }),
  );
  const refused = root.begin(later('refused').then(() => Promise.reject(new Error('no room'))));
  const rejects = expect(refused).rejects.toThrow('no room');
  await root.end();
  expect(order).toEqual(['added', 'refused', 'published']);
  await expect(child).resolves.toBe('child');
  await rejects;
});
