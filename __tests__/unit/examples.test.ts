// What surrounds the examples: that their checks find what is wrong, and that readers find the examples.
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { Progress } from 'mageflow';
import { agent, expected as rightAnswer } from '../../scripts/examples/agent';
import { agentWithApproval, expected as rightApproval } from '../../scripts/examples/agent-with-approval';
import { dynamicQueue, expected as rightQueue } from '../../scripts/examples/dynamic-queue';
import { errorTolerance, expectedReport, type ToleranceResult } from '../../scripts/examples/error-tolerance';
import { Mailbox } from '../../scripts/examples/example';
import { chooseExample, examples, listOfExamples } from '../../scripts/examples/examples';
import { expected as rightAggregate, fanOut } from '../../scripts/examples/fan-out';
import { expected as rightItems, queryBatch } from '../../scripts/examples/query-batch';

const root = path.resolve(__dirname, '../..');

function progress(given: Partial<Progress>): Progress {
  const callbacks = { pending: 0, succeeded: 0, failed: 0 };
  const times = {
    createdAt: undefined,
    startedAt: undefined,
    endedAt: undefined,
    rateLimited: false,
    nextStartAt: undefined,
    perSecond: 0,
    etaMs: undefined,
  };
  const none = { waiting: 0, queued: 0, running: 0, succeeded: 0, failed: 0, cancelled: 0, callbacks, ...times };
  return { total: 1_000, ...none, closed: true, status: 'succeeded', ...given };
}

function rightTolerance(): ToleranceResult {
  const report = expectedReport();
  const failures = report.refused.slice(0, 10).map((name) => ({ name, message: 'wrong' }));
  return {
    tolerant: { report, progress: progress({ succeeded: report.payments, failed: report.refused.length }) },
    strict: {
      alert: { failureCount: 10, failures },
      progress: progress({ succeeded: 300, failed: 10, cancelled: 690, status: 'failed' }),
    },
  };
}

describe('the checks', () => {
  test('find nothing in right results', () => {
    expect(dynamicQueue.problems(rightQueue())).toEqual([]);
    expect(errorTolerance.problems(rightTolerance())).toEqual([]);
    expect(queryBatch.problems(rightItems())).toEqual([]);
    expect(agent.problems(rightAnswer())).toEqual([]);
    expect(agentWithApproval.problems(rightApproval())).toEqual([]);
    expect(fanOut.problems(rightAggregate())).toEqual([]);
  });

  test('find a wrong invoice, an order too few, and one that is taken though it is bad', () => {
    const [wrong, short, bad] = [rightQueue(), rightQueue(), rightQueue()];
    wrong.invoices[7]!.cents += 1;
    short.counts.total -= 1;
    bad.refused.pop();
    expect(dynamicQueue.problems(wrong)).toEqual([expect.stringMatching(/^invoices: /)]);
    expect(dynamicQueue.problems(short)).toEqual([expect.stringMatching(/^counts: expected \{"total":210,/)]);
    expect(dynamicQueue.problems(bad)).toEqual([expect.stringMatching(/^refused: /)]);
  });

  test('find a wrong sum, a batch that was stopped, and no report', () => {
    const [wrong, stopped, silent] = [rightTolerance(), rightTolerance(), rightTolerance()];
    wrong.tolerant.report!.centsByCountry['NO']! -= 1;
    stopped.tolerant.progress = progress({ succeeded: 10, failed: 28, cancelled: 962, status: 'failed' });
    delete silent.tolerant.report;
    expect(errorTolerance.problems(wrong)).toEqual([expect.stringMatching(/^centsByCountry: /)]);
    expect(errorTolerance.problems(stopped).join()).toMatch(/succeeded: .*cancelled: .*status: /);
    expect(errorTolerance.problems(silent).join()).toMatch(/refused: expected .*, got nothing/);
  });

  test('find a strict batch that went on, that stopped too late, and whose alert names a good payment', () => {
    const [on, late, good] = [rightTolerance(), rightTolerance(), rightTolerance()];
    on.strict.progress = progress({ succeeded: 972, failed: 28 });
    late.strict.progress = progress({ succeeded: 300, failed: 30, cancelled: 670, status: 'failed' });
    good.strict.alert!.failures[0]!.name = 'payment 1';
    expect(errorTolerance.problems(on).join()).toMatch(/expected the failure limit to stop it/);
    expect(errorTolerance.problems(late).join()).toMatch(/as many failures as the limit/);
    expect(errorTolerance.problems(good).join()).toMatch(/bad payments alone/);
  });

  test('find a row too few, a wrong finding, and a word counted wrongly', () => {
    const [rows, answer, words] = [rightItems(), rightAnswer(), rightAggregate()];
    rows.items.pop();
    answer.findings[4]!.subject = '2026-05-05';
    words.counts[2]![1] += 1;
    expect(queryBatch.problems(rows)).toEqual([expect.stringMatching(/^items: /)]);
    expect(agent.problems(answer)).toEqual([expect.stringMatching(/^findings: /)]);
    expect(fanOut.problems(words)).toEqual([expect.stringMatching(/^counts: /)]);
  });

  test('find a discount that nobody approved, a question that was asked twice, and a body that did not begin again', () => {
    const [set, twice, once] = [rightApproval(), rightApproval(), rightApproval()];
    set.discounts.push({ shop: 'Turin', product: 'Strainer', percent: 20 });
    twice.questions['south'] = 2;
    once.invocations['north'] = 1;
    expect(agentWithApproval.problems(set)).toEqual([expect.stringMatching(/^discounts: /)]);
    expect(agentWithApproval.problems(twice)).toEqual([expect.stringMatching(/^questions: /)]);
    expect(agentWithApproval.problems(once)).toEqual([expect.stringMatching(/^invocations: .*north/)]);
  });
});

describe('the names', () => {
  test('finds an example by its name, and nothing for other arguments', () => {
    expect(chooseExample(['fan-out'])).toBe(fanOut);
    expect(chooseExample([])).toBeUndefined();
    expect(chooseExample(['--help'])).toBeUndefined();
  });

  test('are listed, a line each, also for a name that there is not', () => {
    const lines = listOfExamples().split('\n');
    for (const { name, shows } of examples)
      expect(lines.filter((line) => line.startsWith(`  ${name} `) && line.endsWith(shows))).toHaveLength(1);
    expect(() => chooseExample(['toString'])).toThrow(listOfExamples());
    expect(() => chooseExample(['agent', 'fan-out'])).toThrow(/Expected one name, got also 'fan-out'/);
  });

  test('are in the README, each with its file, below the command that runs one', () => {
    const readme = readFileSync(path.join(root, 'README.md'), 'utf8');
    const section = readme.slice(readme.indexOf('\n## Examples\n'));
    expect(section).toMatch(/^\n## Examples\n\n`npm run example -- NAME` /);
    const listed = [...section.matchAll(/^\| \[`([\w-]+)`\]\((\S+)\) +\| .+\|$/gm)];
    expect(listed.map(([, name]) => name)).toEqual(examples.map(({ name }) => name));
    for (const [, , file] of listed) expect([file, existsSync(path.join(root, file!))]).toEqual([file, true]);
  });

  test('belong to a command of the package', () => {
    const { scripts } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as {
      scripts: Record<string, string>;
    };
    expect(scripts['example']).toMatch(/scripts\/bootstrap\.mjs && .*scripts\/example\.ts$/);
  });
});

describe('a mailbox', () => {
  test('gives each mail once, in order, whether it came before or comes after', async () => {
    const mailbox = new Mailbox<number>();
    mailbox.put(1);
    mailbox.put(2);
    expect([await mailbox.next(), await mailbox.next()]).toEqual([1, 2]);
    const later = mailbox.next();
    mailbox.put(3);
    expect(await later).toBe(3);
  });
});
