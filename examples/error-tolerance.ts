/** A batch of 1,000 payments that puts up with some bad ones, and stops when there are too many. */
import { readFile } from 'node:fs/promises';
import { parse } from 'csv-parse/sync';
import { mageContext, returnValue, type Mageflow, type Swarm } from 'mageflow';
import { z } from 'zod';

const payment = z.object({
  id: z.string(),
  iban: z.string(),
  amount: z
    .string()
    .regex(/^\d+\.\d\d$/)
    .transform((amount) => Number(amount.replace('.', ''))),
});
export type Payment = z.input<typeof payment>;

const accepted = z.object({ id: z.string(), country: z.string(), cents: z.number() });
export type Accepted = z.output<typeof accepted>;

/** What the success callback makes of a batch that went through. */
export interface Report {
  payments: number;
  centsByCountry: Record<string, number>;
  refused: string[];
}
/** What the error callback reports of a batch that was stopped. */
export interface Alert {
  failureCount: number;
  failures: { name: string; message: string }[];
}

/** ISO 13616: with the first four characters at the end and letters as numbers, the remainder by 97 is 1. */
function isValidIban(iban: string): boolean {
  if (!/^[A-Z]{2}\d\d[A-Z0-9]+$/.test(iban)) return false;
  const digits = (iban.slice(4) + iban.slice(0, 4)).replace(/[A-Z]/g, (letter) => String(parseInt(letter, 36)));
  return BigInt(digits) % 97n === 1n;
}

/** @param send - takes what the callbacks have to say; real ones would store it, or wake somebody up */
export function declareTasks(mage: Mageflow, send: (mail: { report: Report } | { alert: Alert }) => void) {
  const processRecord = mage.task({
    name: 'process-record',
    input: payment,
    fn: ({ id, iban, amount }): Accepted => {
      if (!isValidIban(iban)) throw new Error(`the check digits of ${iban} are wrong`);
      return { id, country: iban.slice(0, 2), cents: amount };
    },
  });

  const generateCompletionReport = mage.task({
    name: 'generate-completion-report',
    input: z.object({ payments: returnValue(z.array(accepted)) }),
    fn: ({ payments }): Report => {
      const centsByCountry: Record<string, number> = {};
      for (const { country, cents } of payments) centsByCountry[country] = (centsByCountry[country] ?? 0) + cents;
      const refused = (mageContext()?.failures ?? []).map(({ name }) => name);
      const report = { payments: payments.length, centsByCountry, refused };
      send({ report });
      return report;
    },
  });

  const sendFailureAlert = mage.task({
    name: 'send-failure-alert',
    input: z.object({
      error: z.object({
        failureCount: z.number(),
        failures: z.array(z.object({ name: z.string(), message: z.string() })),
      }),
    }),
    fn: ({ error }): Alert => {
      send({ alert: error });
      return error;
    },
  });

  return { processRecord, generateCompletionReport, sendFailureAlert };
}

export async function readPayments(file: string): Promise<Payment[]> {
  return parse<Payment>(await readFile(file, 'utf8'), { columns: true });
}

/** Processes all payments, twenty at a time. @param stopAfterNFailures - that many bad ones stop the batch */
export async function processBatch(
  mage: Mageflow,
  { processRecord, generateCompletionReport, sendFailureAlert }: ReturnType<typeof declareTasks>,
  payments: readonly Payment[],
  stopAfterNFailures: number,
): Promise<Swarm<Accepted>> {
  const batch = await mage.swarm({
    name: 'payments',
    tasks: payments.map((payment) => [processRecord, payment, { name: `payment ${payment.id}` }] as const),
    successCallbacks: [generateCompletionReport],
    errorCallbacks: [sendFailureAlert],
    config: { maxConcurrency: 20, stopAfterNFailures },
    isSwarmClosed: true,
  });
  await batch.runNoWait();
  return batch;
}
