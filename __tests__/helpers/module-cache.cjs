// Preloaded into a process of a test: writes which modules it has loaded into the file that is named, when it exits.
const { writeFileSync } = require('node:fs');

process.on('exit', () => writeFileSync(process.env.MAGEFLOW_TEST_MODULES, Object.keys(require.cache).join('\n')));
