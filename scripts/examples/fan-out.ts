import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { analyze, declareTasks, type Aggregate, type WordCounts } from '../../examples/fan-out';
import { withWorker } from '../with-worker';
import { dataFolder, differences, Mailbox, table, type Example } from './example';

const folder = path.join(dataFolder, 'alice');
const shown = 10;

const isLetter = (character: string): boolean => character.toLowerCase() !== character.toUpperCase();

/** The words of a text, character by character: letters, and apostrophes between letters. */
function* wordsOf(text: string): Generator<string> {
  let word = '';
  for (let i = 0; i <= text.length; i++) {
    const character = text[i] ?? '';
    const within = isLetter(character) || (character === '’' && word !== '' && isLetter(text[i + 1] ?? ''));
    if (within) word += character.toLowerCase();
    else if (word !== '') {
      yield word;
      word = '';
    }
  }
}

export function expected(): Aggregate {
  const all: Record<string, number> = Object.create(null) as Record<string, number>;
  const sources = readdirSync(folder)
    .sort()
    .map((source) => {
      let words = 0;
      for (const word of wordsOf(readFileSync(path.join(folder, source), 'utf8'))) {
        words += 1;
        all[word] = (all[word] ?? 0) + 1;
      }
      return { source, words };
    });
  const counts: WordCounts = Object.keys(all)
    .sort()
    .map((word) => [word, all[word] ?? 0]);
  return { sources, counts: counts.sort(([, a], [, b]) => b - a) };
}

export const fanOut: Example<Aggregate> = {
  name: 'fan-out',
  shows: 'words counted in the twelve chapters of a book, a task each, and added up in the callback',
  async run(mage, signal) {
    const mailbox = new Mailbox<Aggregate>();
    const tasks = declareTasks(mage, mailbox.put);
    return withWorker(mage, 'fan-out', Object.values(tasks), signal, async () => {
      await analyze(mage, tasks, folder);
      return mailbox.next();
    });
  },
  describe({ sources, counts }) {
    const total = sources.reduce((sum, { words }) => sum + words, 0);
    return [
      `${sources.length} texts, ${total} words, ${counts.length} different ones. The most frequent:`,
      table(['word', 'times'], counts.slice(0, shown)),
    ].join('\n');
  },
  problems: (aggregate) => differences(aggregate, expected()),
};
