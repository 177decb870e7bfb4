// Every relative link of every page leads to a file that is there, and to a heading that is in it.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { anchorsOf, prose, readPages, root, type Page } from '../helpers/pages';

const pages = readPages();
/** By where it is. */
const byFile = new Map(pages.map((page) => [page.file, page]));

function linksOf(page: Page): string[] {
  const targets = [...prose(page).matchAll(/\]\(<?([^)\s>]+)>?\)/g)].map((match) => match[1] ?? '');
  return targets.filter((target) => !/^[a-z]+:/.test(target));
}

function problemWith(page: Page, link: string): string | undefined {
  const [file = '', anchor] = link.split('#');
  const target = file === '' ? page.file : path.join(path.dirname(page.file), file);
  // The reference of the API is made by `npm run docs:api`.
  if (target.startsWith('docs/api')) return undefined;
  if (!byFile.has(target) && !existsSync(path.join(root, target))) return `${page.file}: no file ${target}`;
  const found = file === '' ? page : byFile.get(target);
  if (anchor === undefined || !found) return undefined;
  return anchorsOf(found).includes(anchor) ? undefined : `${page.file}: no heading #${anchor} in ${found.file}`;
}

test('every relative link of every page leads to a file and a heading that exist', () => {
  const links = pages.flatMap((page) => linksOf(page).map((link) => ({ page, link })));
  expect(links.length).toBeGreaterThan(10);
  expect(links.flatMap(({ page, link }) => problemWith(page, link) ?? [])).toEqual([]);
});

test('the index of the documentation links to every page', () => {
  const index = byFile.get('docs/README.md')!;
  const linked = linksOf(index).map((link) => path.join('docs', link.split('#')[0] ?? ''));
  const written = pages.map(({ file }) => file).filter((file) => file !== index.file);
  expect(linked).toEqual(expect.arrayContaining(written));
});
