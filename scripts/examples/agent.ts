import { declareTasks, pursue, type Answer } from '../../examples/agent';
import { withWorker } from '../with-worker';
import { dataFolder, differences, euros, Mailbox, table, type Example } from './example';
import { plainOrders, plainSums, type PlainOrder } from './plain-orders';

const goal = 'Compare the revenue of Oslo, Turin and Zadar, and find the best product and the best week.';
const dayMs = 24 * 60 * 60 * 1000;

const cents = ({ quantity, unitCents }: PlainOrder): number => quantity * unitCents;

/** The Monday of a day's week, counted from a Monday. */
function monday({ date }: PlainOrder): string {
  const first = Date.UTC(2024, 0, 1);
  const weeks = Math.floor((Date.parse(date) - first) / (7 * dayMs));
  return new Date(first + weeks * 7 * dayMs).toISOString().slice(0, 10);
}

export function expected(): Answer {
  const { good } = plainOrders();
  const best = (about: string, key: (order: PlainOrder) => string) => {
    let subject = '';
    let most = 0;
    for (const [name, sum] of plainSums(good, key, cents)) if (sum > most) [subject, most] = [name, sum];
    return { about, subject, cents: most };
  };
  const shops = plainSums(good, ({ shop }) => shop, cents);
  const findings = [
    ...['Oslo', 'Turin', 'Zadar'].map((shop) => ({
      about: 'shop revenue',
      subject: shop,
      cents: shops.get(shop) ?? 0,
    })),
    best('best product', ({ product }) => product),
    best('best week', monday),
  ];
  return { goal, stepsSpawned: 5, findings };
}

export const agent: Example<Answer> = {
  name: 'agent',
  shows: 'a root task that plans for a goal, and publishes a task or a chain for each step of the plan',
  async run(mage, signal) {
    const mailbox = new Mailbox<Answer>();
    const tasks = declareTasks(mage, mailbox.put);
    return withWorker(mage, 'agent', Object.values(tasks), signal, async () => {
      await pursue(mage, tasks, goal, dataFolder);
      return mailbox.next();
    });
  },
  describe: ({ goal, stepsSpawned, findings }) =>
    [
      `The goal: ${goal}`,
      `The agent planned ${stepsSpawned} steps. The callback got what they found:`,
      table(
        ['about', 'subject', 'revenue'],
        findings.map(({ about, subject, cents }) => [about, subject, euros(cents)]),
      ),
    ].join('\n'),
  problems: (answer) => differences(answer, expected()),
};
