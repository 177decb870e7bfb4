// The API reports, api/*.api.md, one for each entry of the package: each type and signature of the public surface, without doc
// comments. A change that users can notice thus shows in a diff. Made from `dist`: build first.
//
//   node scripts/api-report.mjs           writes the reports
//   node scripts/api-report.mjs --check   fails when a report differs from `dist`, and prints the lines that differ
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Extractor, ExtractorConfig } from '@microsoft/api-extractor';
import { createTwoFilesPatch } from 'diff';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const reports = [
  { name: 'api/mageflow.api.md', declarations: 'dist/index.d.ts', title: 'The public surface' },
  { name: 'api/viewer.api.md', declarations: 'dist/viewer.d.ts', title: 'The public surface of mageflow/viewer' },
  {
    name: 'api/testing.api.md',
    declarations: 'dist/testing.d.ts',
    title: 'The public surface of mageflow/testing',
  },
];

const headingOf = (title) => `# ${title}

Made by \`npm run api:report\`; do not edit it. Commit it with the change of \`src\` that changes it.
What has no \`export\` is not exported, but exported types refer to it.
`;

/** Returns the report of some declarations. */
function makeReport({ declarations: shown, title }) {
  const declarations = path.join(root, shown);
  const temp = mkdtempSync(path.join(tmpdir(), 'mageflow-api-'));
  try {
    const compilerOptions = {
      target: 'ES2022',
      lib: ['ES2023'],
      module: 'ESNext',
      moduleResolution: 'Bundler',
      strict: true,
      skipLibCheck: true,
      types: ['node'],
    };
    const config = ExtractorConfig.prepare({
      configObject: {
        projectFolder: root,
        mainEntryPointFilePath: declarations,
        compiler: { overrideTsconfig: { compilerOptions, files: [declarations] } },
        apiReport: {
          enabled: true,
          reportFileName: 'report.api.md',
          reportFolder: temp,
          reportTempFolder: path.join(temp, 'new'),
          includeForgottenExports: true,
        },
        docModel: { enabled: false },
        dtsRollup: { enabled: false },
        tsdocMetadata: { enabled: false },
        newlineKind: 'lf',
      },
      configObjectFullPath: undefined,
      packageJsonFullPath: path.join(root, 'package.json'),
    });
    const errors = [];
    Extractor.invoke(config, {
      localBuild: true,
      // Its remarks are about TSDoc tags, which this project does not use. What the compiler reports is an error.
      messageCallback: (message) => {
        if (message.category === 'Compiler') errors.push(message.text);
        message.handled = true;
      },
    });
    if (errors.length > 0) throw new Error(`${shown} does not compile:\n${errors.join('\n')}`);
    return tidy(readFileSync(path.join(temp, 'new/report.api.md'), 'utf8'), title);
  } finally {
    rmSync(temp, { recursive: true, force: true });
  }
}

/** Leaves out what depends on doc comments, and the heading of API Extractor. */
function tidy(report, title) {
  const code = report.slice(report.indexOf('```ts'));
  const kept = code
    .split('\n')
    .filter((line) => !/^\s*\/\/ (@public.*|\(undocumented\)|\(No @packageDocumentation.*)$/.test(line))
    .join('\n')
    .replace('```ts\n\n', '```ts\n')
    .replace(/\n+```\n*$/, '\n```\n');
  return `${headingOf(title)}\n${kept}`;
}

function read(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
    return '';
  }
}

for (const of of reports) {
  const { name } = of;
  const file = path.join(root, name);
  const report = makeReport(of);
  const before = read(file);
  if (!process.argv.includes('--check')) {
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, report);
    console.log(report === before ? `${name} is up to date.` : `${name} is written. Commit it.`);
  } else if (report !== before) {
    const patch = createTwoFilesPatch('committed', 'built', before, report, '', '', { context: 2 });
    console.error(
      `The public surface differs from ${name}:\n\n${patch}\n` +
        'If you meant that, run `npm run api:report`, commit the file and add a line to CHANGELOG.md.',
    );
    process.exitCode = 1;
  }
}
