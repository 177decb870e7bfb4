/**
 * Makes the CSV files of `examples/data/`: `tsx examples/make-data.ts [FOLDER]`. The seed is fixed, so that each run gives
 * the same bytes.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const SEED = 20_261_122;
const GOOD_FILES = 24;
const PAYMENTS = 1_000;
const FIRST_MONDAY = Date.UTC(2026, 0, 5);
const DAY = 24 * 60 * 60 * 1000;
const HEADER = 'id,shop,date,product,quantity,unit_price';

const shops = ['Berlin', 'Ghent', 'Lisbon', 'Oslo', 'Turin', 'Zadar'];
const products: [name: string, cents: number][] = [
  ['Teapot', 3_490],
  ['Cup and saucer', 1_250],
  ['"Green tea, 250 g"', 890],
  ['"Black tea, 1 kg"', 2_640],
  ['Strainer', 495],
  ['Honey', 720],
  ['Kettle', 5_900],
];

type Random = () => number;
type Row = [id: string, shop: string, date: string, product: string, quantity: string, price: string];

/** Mulberry32: numbers in [0, 1) that depend on the seed alone, which Math.random can't promise. */
function seeded(seed: number): Random {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function between(random: Random, least: number, most: number): number {
  return least + Math.floor(random() * (most - least + 1));
}

function pick<T>(random: Random, list: readonly T[]): T {
  return list[Math.floor(random() * list.length)]!;
}

function makeRow(random: Random, week: number, id: number): Row {
  const [product, cents] = pick(random, products);
  const discount = pick(random, [0, 0, 0, 5, 10]);
  const date = new Date(FIRST_MONDAY + ((week - 1) * 7 + between(random, 0, 6)) * DAY).toISOString().slice(0, 10);
  const price = (Math.round((cents * (100 - discount)) / 100) / 100).toFixed(2);
  return [String(id), pick(random, shops), date, product, String(between(random, 1, 9)), price];
}

const damages: ((row: Row) => string[])[] = [
  ([id, shop, date, product, , price]) => [id, shop, date, product, 'some', price],
  ([id, shop, date, product, quantity]) => [id, shop, date, product, quantity],
  ([id, shop, date, product, quantity, price]) => [id, shop, date, product, quantity, `-${price}`],
];

/** The rows of one week, one in fifty of them broken. */
function makeRows(random: Random, week: number): string[][] {
  return Array.from({ length: between(random, 160, 240) }, (_, i) => {
    const row = makeRow(random, week, week * 1_000 + i);
    return random() < 0.02 ? pick(random, damages)(row) : row;
  });
}

function toText(header: string, rows: string[][], separator = ','): string {
  return [header, ...rows.map((row) => row.join(separator))].join('\n') + '\n';
}

/** Whole files that nobody should accept, as other programs export them. */
const brokenFiles: ((rows: string[][]) => string)[] = [
  (rows) => toText(HEADER.replaceAll(',', ';'), rows, ';'),
  (rows) => toText('order,store,day,article,amount,price', rows),
  () => '<!doctype html><title>502 Bad Gateway</title>\n',
];

/** Countries with the length of what follows the check digits: digits alone, as in these, keeps the arithmetic plain. */
const countries: [country: string, digits: number][] = [
  ['BE', 12],
  ['DE', 18],
  ['HR', 17],
  ['NO', 11],
  ['PT', 21],
];

/** An account number with the check digits of ISO 13616. */
function makeIban(random: Random): string {
  const [country, length] = pick(random, countries);
  const account = Array.from({ length }, () => between(random, 0, 9)).join('');
  const letters = [...country].map((letter) => String(letter.charCodeAt(0) - 55)).join('');
  const check = 98 - Number(BigInt(`${account}${letters}00`) % 97n);
  return `${country}${String(check).padStart(2, '0')}${account}`;
}

/** Mistypes one digit of the account, which the check digits always show. */
function mistype(random: Random, iban: string): string {
  const at = between(random, 4, iban.length - 1);
  return `${iban.slice(0, at)}${(Number(iban[at]) + between(random, 1, 9)) % 10}${iban.slice(at + 1)}`;
}

function makePayment(random: Random, i: number): string[] {
  const iban = makeIban(random);
  const amount = (between(random, 100, 250_000) / 100).toFixed(2);
  return [String(i + 1), random() < 0.03 ? mistype(random, iban) : iban, amount];
}

/** Writes all files into `folder`. */
export function makeData(folder: string): void {
  const random = seeded(SEED);
  const name = (week: number): string => `orders-2026-w${String(week).padStart(2, '0')}.csv`;
  mkdirSync(path.join(folder, 'broken'), { recursive: true });
  for (let week = 1; week <= GOOD_FILES; week++) {
    writeFileSync(path.join(folder, name(week)), toText(HEADER, makeRows(random, week)));
  }
  brokenFiles.forEach((make, i) => {
    const week = GOOD_FILES + 1 + i;
    writeFileSync(path.join(folder, 'broken', name(week)), make(makeRows(random, week)));
  });
  const payments = Array.from({ length: PAYMENTS }, (_, i) => makePayment(random, i));
  mkdirSync(path.join(folder, 'payments'), { recursive: true });
  writeFileSync(path.join(folder, 'payments', '2026-11.csv'), toText('id,iban,amount', payments));
}

if (require.main === module) makeData(process.argv[2] ?? path.join(__dirname, 'data'));
