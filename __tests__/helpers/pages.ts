import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** The root of this checkout. */
export const root = path.resolve(__dirname, '../..');

/** A page of the documentation. */
export interface Page {
  /** Where it is, from the root. */
  file: string;
  text: string;
}

/** A piece of TypeScript in a page. */
export interface Block {
  page: Page;
  /** The line of its first line of code, for messages. */
  line: number;
  text: string;
  /** Its name, when its first line is a comment with one: the other blocks of its page can import it. */
  fileName: string | undefined;
  /** The block shows a feature that is not built yet. A line `<!-- not yet -->` before it says so. */
  isAhead: boolean;
}

/** Every page that is written by hand. */
export function readPages(): Page[] {
  const inDocs = readdirSync(path.join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.md') && !file.startsWith('api/'))
    .map((file) => path.join('docs', file));
  const atRoot = ['README.md', 'CHANGELOG.md', 'CONTRIBUTING.md', 'SECURITY.md'];
  return [...atRoot.filter((file) => existsSync(path.join(root, file))), ...inDocs.sort()].map(readPage);
}

export function readPage(file: string): Page {
  return { file, text: readFileSync(path.join(root, file), 'utf8') };
}

export function blocksOf(page: Page): Block[] {
  return [...page.text.matchAll(/^(<!-- not yet -->\n\n)?```ts\n([^]*?)^```$/gm)].map((match) => {
    const [, ahead = '', text = ''] = match;
    const line = page.text.slice(0, match.index + ahead.length).split('\n').length + 1;
    return { page, line, text, fileName: /^\/\/ (\S+\.ts)\n/.exec(text)?.[1], isAhead: ahead !== '' };
  });
}

/** The first cells of a page's tables, where they are code. */
export function namesInTables({ text }: Page): string[] {
  return [...text.matchAll(/^\| `([\w.]+)`[^|]*\|/gm)].map((match) => match[1] ?? '');
}

/** The text of a page without its code, in which nothing is a link or a heading. */
export function prose({ text }: Page): string {
  return text.replace(/^ *```[^]*?^ *```$/gm, '').replace(/`[^`\n]*`/g, (code) => code.replace(/[[\]()#]/g, ' '));
}

/** The anchors that GitHub gives to the headings of a page. */
export function anchorsOf(page: Page): string[] {
  const withoutCode = page.text.replace(/^ *```[^]*?^ *```$/gm, '');
  const used = new Map<string, number>();
  return [...withoutCode.matchAll(/^#{1,6} (.*)$/gm)].map((match) => {
    const slug = (match[1] ?? '')
      .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replace(/ /g, '-');
    const before = used.get(slug) ?? 0;
    used.set(slug, before + 1);
    return before === 0 ? slug : `${slug}-${before}`;
  });
}
