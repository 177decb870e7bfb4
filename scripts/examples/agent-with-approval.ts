import { setMaxListeners } from 'node:events';
import {
  answerAgent,
  declareTasks,
  propose,
  type Offer,
  type Question,
  type Report,
} from '../../examples/agent-with-approval';
import type { Mageflow } from 'mageflow';
import { unlessAborted } from '../unless-aborted';
import { withWorker } from '../with-worker';
import { dataFolder, differences, Mailbox, table, type Example } from './example';
import { plainOrders, plainSums } from './plain-orders';

/** What becomes of each agent; an answer that is undefined never comes. */
const agents = [
  { id: 'north', shops: ['Berlin', 'Oslo'], approved: true },
  { id: 'south', shops: ['Turin', 'Zadar'], approved: false },
  { id: 'west', shops: ['Lisbon'], approved: undefined },
];
/** How long the agent waits that nobody answers, and how long the others would. */
const patienceMs = { short: 4_000, long: 3_600_000 };
const lookMs = 200;

export interface ApprovalResult {
  reports: Omit<Report, 'invocations'>[];
  discounts: Offer[];
  /** How often a person was asked by each agent. */
  questions: Record<string, number>;
  /** How often the body of each agent has begun. */
  invocations: Record<string, number>;
}

/** Waits until the engine has taken an agent out of its worker. */
async function evicted({ hatchet }: Mageflow, runId: string, signal: AbortSignal): Promise<void> {
  while (!(await hatchet.runs.getDetails(runId)).isEvicted) {
    await unlessAborted(new Promise((resolve) => setTimeout(resolve, lookMs)), signal);
  }
}

const byId = <T extends { id: string }>(items: readonly T[]): T[] => [...items].sort((a, b) => (a.id < b.id ? -1 : 1));
const byShop = (offers: readonly Offer[]): Offer[] => [...offers].sort((a, b) => (a.shop < b.shop ? -1 : 1));

function offersFor(shops: readonly string[]): Offer[] {
  const { good } = plainOrders();
  return shops.map((shop) => {
    const orders = good.filter((order) => order.shop === shop);
    let slowest = { product: 'nothing', cents: Infinity };
    const sums = plainSums(
      orders,
      ({ product }) => product,
      ({ quantity, unitCents }) => quantity * unitCents,
    );
    for (const [product, cents] of sums) if (cents < slowest.cents) slowest = { product, cents };
    return { shop, product: slowest.product, percent: slowest.cents < 250_000 ? 20 : 10 };
  });
}

export function expected(): ApprovalResult {
  const outcomes = new Map<boolean | undefined, Report['outcome']>([
    [true, 'approved'],
    [false, 'rejected'],
    [undefined, 'nobody answered'],
  ]);
  return {
    reports: agents.map(({ id, shops, approved }) => ({ id, outcome: outcomes.get(approved)!, offers: shops.length })),
    discounts: agents.flatMap(({ shops, approved }) => (approved ? offersFor(shops) : [])),
    questions: Object.fromEntries(agents.map(({ id }) => [id, 1])),
    invocations: Object.fromEntries(agents.map(({ id }) => [id, 2])),
  };
}

export const agentWithApproval: Example<ApprovalResult> = {
  name: 'agent-with-approval',
  shows: 'a durable root task: an agent that proposes something, and waits for a person to approve it',
  async run(mage, signal) {
    // The SDK adds a listener to one signal for each message of its durable tasks, of which Node would warn at the eleventh.
    setMaxListeners(0);
    const questions = new Mailbox<Question>();
    const reports = new Mailbox<Report>();
    const discounts: Offer[] = [];
    const asked: Record<string, number> = {};
    const tasks = declareTasks(mage, {
      ask(question) {
        asked[question.id] = (asked[question.id] ?? 0) + 1;
        questions.put(question);
      },
      setDiscount: (offer) => void discounts.push(offer),
      send: reports.put,
    });
    return withWorker(mage, 'agent-with-approval', Object.values(tasks), signal, async () => {
      const runs = new Map<string, string>();
      for (const { id, shops, approved } of agents) {
        const patience = approved === undefined ? patienceMs.short : patienceMs.long;
        const { runId } = await propose(mage, tasks, { id, shops, folder: dataFolder, patienceMs: patience });
        runs.set(id, await runId);
      }
      const got: Report[] = [];
      for (let i = 0; i < agents.length; i++) {
        const { id } = await questions.next();
        const { approved } = agents.find((agent) => agent.id === id)!;
        if (approved === undefined) continue;
        // A person who thinks about it for a while: meanwhile the agent is in no worker.
        await evicted(mage, runs.get(id)!, signal);
        await answerAgent(mage, { id, approved });
      }
      while (got.length < agents.length) got.push(await reports.next());
      const sorted = byId(got);
      return {
        reports: sorted.map(({ invocations: _, ...report }) => report),
        discounts: byShop(discounts),
        questions: Object.fromEntries(sorted.map(({ id }) => [id, asked[id] ?? 0])),
        invocations: Object.fromEntries(sorted.map(({ id, invocations }) => [id, invocations])),
      };
    });
  },
  describe: ({ reports, discounts, questions, invocations }) =>
    [
      'Three agents asked a person to approve their discounts. After its wait the body of each ran again from the top:',
      table(
        ['agent', 'outcome', 'offers', 'questions', 'body began'],
        reports.map(({ id, outcome, offers }) => [id, outcome, offers, questions[id] ?? 0, invocations[id] ?? 0]),
      ),
      'The discounts that were approved, and so set:',
      table(
        ['shop', 'product', 'percent'],
        discounts.map(({ shop, product, percent }) => [shop, product, percent]),
      ),
      'The SDK keeps this process for up to 30 s after an eviction.',
    ].join('\n'),
  problems(result) {
    // Those that were answered were evicted before. An engine that does much else may evict an agent more than once.
    const answered = agents.filter(({ approved }) => approved !== undefined).map(({ id }) => id);
    const tooFew = Object.entries(result.invocations).filter(([id, count]) => answered.includes(id) && count < 2);
    const { invocations: _, ...wanted } = expected();
    return [
      ...differences(result, wanted),
      ...tooFew.map(
        ([id, count]) => `invocations: expected the body of ${id} to begin again after its wait, got ${count}.`,
      ),
    ];
  },
};
