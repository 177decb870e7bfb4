/** Stands for helpers/own-redis where suites run on the in-process Redis: nothing there may start a server. */
const needsServer = () => Promise.reject(new Error('This test needs a redis-server of its own.'));

export const OwnRedis = { open: needsServer, openAt: needsServer };

export const closedPort = needsServer;
