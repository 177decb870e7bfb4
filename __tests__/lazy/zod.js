const lazily = require('./lazily');

// By its path: Jest finds this file by its name.
module.exports = lazily(() => require('../../node_modules/zod'));
