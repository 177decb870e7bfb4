import { closeBench, openBench } from '../helpers/bench-mage';
import { percentile } from '../helpers/sampling';
import type { Measured, Part } from '../part';

/** What a signature adds to a task. */
export const latency: Part = {
  name: 'latency',
  about: 'One signed task beside one plain task, from `run` to its output, in turns.',
  needs: 'stack',
  async run({ scale }, say): Promise<Measured> {
    const pairs = Math.max(10, Math.round(300 * scale));
    const bench = openBench();
    const { mage, hatchet } = bench;
    const signed = mage.task({ name: 'signed', fn: ({ n }: { n: number }) => ({ n }) });
    const plain = hatchet.task({ name: 'plain', fn: ({ n }: { n: number }) => ({ n }) });
    const worker = await mage.worker('bench', { workflows: [signed, plain], slots: 10, handleKill: false });
    const running = worker.start();
    await worker.waitUntilReady(60_000);
    const times = { plain: [] as number[], signed: [] as number[] };
    const sides = {
      plain: (n: number) => plain.run({ n }),
      signed: async (n: number) => (await mage.sign(signed, { n })).run(),
    };
    for (let n = -10; n < pairs; n++) {
      const order = n % 2 === 0 ? (['plain', 'signed'] as const) : (['signed', 'plain'] as const);
      for (const side of order) {
        const began = performance.now();
        await sides[side](n);
        if (n >= 0) times[side].push(performance.now() - began);
      }
      if (n > 0 && n % 100 === 0) say(`${n} pairs`);
    }
    await worker.stop();
    await running;
    await closeBench(bench);
    const added = (share: number) => percentile(times.signed, share) - percentile(times.plain, share);
    const shares = [0.5, 0.9, 0.99] as const;
    const row = (side: keyof typeof times) => [
      side,
      ...shares.map((share) => `${percentile(times[side], share).toFixed(1)} ms`),
    ];
    return {
      tables: [
        {
          title: `From run to the output, ${pairs} pairs`,
          columns: ['task', 'median', '90 of 100', '99 of 100'],
          rows: [row('plain'), row('signed'), ['added', ...shares.map((share) => `${added(share).toFixed(1)} ms`)]],
        },
      ],
      targets: [
        { what: 'added by a signature, median', must: 2, got: added(0.5), more: false, unit: 'ms' },
        { what: 'added by a signature, 99 of 100', must: 10, got: added(0.99), more: false, unit: 'ms' },
      ],
      raw: times,
    };
  },
};
