import { EventEmitter } from 'node:events';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { GroupEndChannel, type GroupEndMessage } from '../../src/api/group-end-channel';
import type { RedisLike } from '../../src/store/connection';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

function listening() {
  const client = Object.assign(new EventEmitter(), { subscribe: () => Promise.resolve(1) });
  const ends = new GroupEndChannel('ours');
  const received: [string, GroupEndMessage][] = [];
  ends.listen(
    client as unknown as RedisLike,
    (group, end) => received.push([group, end]),
    (error) => {
      throw error;
    },
  );
  /** As the socket gives it: a text of its own. */
  const send = (text: string) => client.emit('message', 'ours', Buffer.from(text).toString());
  return { ends, received, send };
}

test('reports how a group has ended, with its outputs where they came with it', () => {
  const { ends, received, send } = listening();
  send('succeeded 2 base:{a group}:g\n["x\\ny",1]');
  send('failed 30 base:{other}:g');
  expect(received).toEqual([
    ['base:{a group}:g', { status: 'succeeded', total: 2, list: '["x\\ny",1]' }],
    ['base:{other}:g', { status: 'failed', total: 30 }],
  ]);
  expect(ends.endOf('base:{a group}:g')).toEqual({ status: 'succeeded', total: 2 });
});

test('remembers that groups have ended without keeping their outputs', () => {
  const { ends, received, send } = listening();
  collectGarbage();
  const before = process.memoryUsage().heapUsed;
  for (let n = 0; n < 9_000; n++) send(`succeeded 1 base:{a-group-of-number-${n}}:g\n["${'x'.repeat(4_000)}"]`);
  received.length = 0;
  collectGarbage();
  // 36 MB of outputs; what is remembered of an end takes some hundred bytes.
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(10_000_000);
  expect(ends.endOf('base:{a-group-of-number-0}:g')).toEqual({ status: 'succeeded', total: 1 });
});
