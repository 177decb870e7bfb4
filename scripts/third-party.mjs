// THIRD-PARTY.md: the licences of what is bundled into the executable and into the viewer's page. The list is what the bundler takes.
//
//   node scripts/third-party.mjs           writes the file
//   node scripts/third-party.mjs --check   fails when the file differs
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const name = 'THIRD-PARTY.md';
const { peerDependencies } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));

/** The packages whose code is in the executable, and in the page that it and `mageflow/viewer` serve. */
async function bundled() {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: ['src/cli/main.ts', 'src/viewer/page/main.tsx'],
    outdir: 'out',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    bundle: true,
    write: false,
    metafile: true,
    platform: 'node',
    external: Object.keys(peerDependencies),
    logLevel: 'error',
  });
  const packages = Object.keys(metafile.inputs).flatMap((input) => {
    const found = /(?:^|\/)node_modules\/((?:@[^/]+\/)?[^/]+)\/(?!.*node_modules\/)/.exec(input);
    return found ? [found[1]] : [];
  });
  return [...new Set(packages)].sort();
}

function licenceOf(pkg) {
  const folder = path.join(root, 'node_modules', pkg);
  const { version, license } = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8'));
  const file = readdirSync(folder).find((one) => /^licen[cs]e(\.|$)/i.test(one));
  const text = file && readFileSync(path.join(folder, file), 'utf8').replaceAll('\r\n', '\n').trim();
  if (!text)
    throw new Error(`${pkg}: expected a file with its licence in ${folder}, which its users have to be given.`);
  return `## ${pkg} ${version}\n\n${license}\n\n\`\`\`text\n${text}\n\`\`\``;
}

const packages = await bundled();
const text = `# Third-party code

Made by \`npm run docs:licences\`; do not edit it. The executable \`mageflow\` (dist/cli.js and its chunks) and the page of the viewer hold code of these packages.

${packages.map(licenceOf).join('\n\n')}
`;
const file = path.join(root, name);
if (!process.argv.includes('--check')) writeFileSync(file, text);
else if (readFileSync(file, 'utf8') !== text)
  throw new Error(
    `${name} is not what is bundled (${packages.join(', ')}). Run npm run docs:licences, and commit the file.`,
  );
