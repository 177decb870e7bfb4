import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { Mageflow, Progress } from 'mageflow';
import type { Total } from '../../examples/http-service/service';
import { declareTasks } from '../../examples/http-service/tasks';
import { withWorker } from '../with-worker';
import { dataFolder, differences, euros, table, type Example } from './example';
import { orderFiles, plainOrders } from './plain-orders';

interface Imported {
  totals: Total[];
  failed: { file: string; error?: string }[];
}

export interface ServiceResult {
  /** The status codes of two requests with one idempotency key, to two processes. */
  started: number[];
  sameTicket: boolean;
  /** The counts of each event. */
  events: { succeeded: number; failed: number; total: number }[];
  before: Imported;
  again: number;
  after: Imported;
  cancelled: string;
  refused: number[];
}

const files = orderFiles().slice(0, 8);
/** It comes later than the others. */
const late = files[3] ?? '';

/** A process of the service. */
class Server {
  private constructor(
    private readonly child: ReturnType<typeof spawn>,
    private readonly address: string,
  ) {}

  static async start(env: NodeJS.ProcessEnv): Promise<Server> {
    const script = path.join(__dirname, '../../examples/http-service/server.ts');
    const child = spawn(process.execPath, ['--require', require.resolve('tsx/cjs'), script], {
      env: { ...process.env, ...env, PORT: '0' },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    for await (const line of createInterface(child.stdout)) {
      const address = /^listening on (.*)$/.exec(line)?.[1];
      if (address !== undefined) return new Server(child, address);
    }
    throw new Error('A process of the service ended before it listened.');
  }

  async request(method: string, way: string, more: RequestInit = {}): Promise<{ code: number; body: any }> {
    const answer = await fetch(`${this.address}${way}`, { method, ...more });
    return { code: answer.status, body: await answer.json() };
  }

  post(key: string, body: object) {
    return this.request('POST', '/imports', { headers: { 'idempotency-key': key }, body: JSON.stringify(body) });
  }

  /** The events of an import with its counts, until its end. */
  async *events(ticket: string): AsyncGenerator<Progress> {
    const answer = await fetch(`${this.address}/imports/${ticket}/events`);
    let text = '';
    for await (const part of answer.body ?? []) {
      text += Buffer.from(part as Uint8Array).toString();
      const events = text.split('\n\n');
      text = events.pop() ?? '';
      for (const event of events) {
        if (event.startsWith('event: end')) return;
        yield JSON.parse(event.slice('data: '.length)) as Progress;
      }
    }
    throw new Error('The events ended before the import did.');
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null) return;
    const ended = once(this.child, 'exit');
    this.child.kill('SIGTERM');
    await ended;
  }
}

async function visit(first: Server, second: Server, folder: string): Promise<ServiceResult> {
  const key = randomUUID();
  const one = await first.post(key, { files });
  const two = await second.post(key, { files });
  const { ticket } = one.body;
  const events: ServiceResult['events'] = [];
  for await (const { succeeded, failed, total } of first.events(ticket)) events.push({ succeeded, failed, total });
  const before = await second.request('GET', `/imports/${ticket}/output`);
  // What was missing is there now.
  copyFileSync(path.join(dataFolder, late), path.join(folder, late));
  const retry = await first.request('POST', `/imports/${ticket}/retry`);
  const after = await second.request('GET', `/imports/${ticket}/output`);

  // So many, one after another, that it has not ended when it is cancelled.
  const large = await first.post(randomUUID(), { files: Array(1_000).fill(files[0]), atOnce: 1 });
  await second.request('POST', `/imports/${large.body.ticket}/cancel`);
  let last: Progress | undefined;
  for await (const progress of second.events(large.body.ticket)) last = progress;

  const forged = ticket.replace(/^./, (letter: string) => (letter === 'x' ? 'y' : 'x'));
  const refused = [
    (await first.request('GET', `/imports/${forged}`)).code,
    (await first.request('POST', '/imports', { body: '{}' })).code,
    (await first.post(randomUUID(), { files: [] })).code,
  ];
  return {
    started: [one.code, two.code],
    sameTicket: ticket === two.body.ticket,
    events,
    before: before.body,
    again: retry.body.again,
    after: after.body,
    cancelled: last?.status ?? '',
    refused,
  };
}

async function run(mage: Mageflow, signal: AbortSignal): Promise<ServiceResult> {
  const folder = mkdtempSync(path.join(tmpdir(), 'mageflow-example-'));
  const servers: Server[] = [];
  try {
    for (const file of files) if (file !== late) copyFileSync(path.join(dataFolder, file), path.join(folder, file));
    const { namespace } = (mage.hatchet as unknown as { config: { namespace?: string } }).config;
    const env = {
      IMPORT_FOLDER: folder,
      TICKET_SECRET: randomUUID(),
      HATCHET_CLIENT_NAMESPACE: namespace?.replace(/_$/, ''),
    };
    const tasks = declareTasks(mage, folder);
    return await withWorker(mage, 'http-service', Object.values(tasks), signal, async () => {
      for (let i = 0; i < 2; i++) servers.push(await Server.start(env));
      const [first, second] = servers as [Server, Server];
      return visit(first, second, folder);
    });
  } finally {
    await Promise.all(servers.map((server) => server.stop()));
    rmSync(folder, { recursive: true, force: true });
  }
}

function expected(): { before: Total[]; after: Total[] } {
  const after = files.map((file) => {
    const { good } = plainOrders([file]);
    return { file, orders: good.length, cents: good.reduce((sum, row) => sum + row.quantity * row.unitCents, 0) };
  });
  return { before: after.filter(({ file }) => file !== late), after };
}

export const httpService: Example<ServiceResult> = {
  name: 'http-service',
  shows: 'an HTTP service of two processes: start with an idempotency key, events, output by id, cancel, retry',
  run,
  describe: ({ started, events, before, again, after, cancelled }) =>
    [
      `Two requests with one key were answered with ${started.join(' and ')}. ${events.length} events reported the import.`,
      `The other process gave ${before.totals.length} totals and ${before.failed.length} failure: ${before.failed[0]?.error ?? ''}`,
      `The retry ran ${again} file again. Then it gave:`,
      table(
        ['file', 'orders', 'revenue'],
        after.totals.map(({ file, orders, cents }) => [file, orders, euros(cents)]),
      ),
      `The large import that was cancelled is ${cancelled}.`,
    ].join('\n'),
  problems: ({ events, before, after, ...rest }) => {
    const right = expected();
    const last = events.at(-1);
    return [
      ...differences(rest, { started: [201, 200], sameTicket: true, again: 1, cancelled: 'cancelled' }),
      ...differences(rest, { refused: [404, 400, 400] }),
      ...differences({ before: before.totals, after: after.totals }, right),
      ...differences({ last }, { last: { succeeded: files.length - 1, failed: 1, total: files.length } }),
      ...differences(
        { failed: before.failed.map(({ file }) => file), failedAfter: after.failed },
        { failed: [late], failedAfter: [] },
      ),
    ];
  },
};
