import { endOfDemo, keptServices } from '../../scripts/demo/started';

const given = { HATCHET_CLIENT_TOKEN: 't', REDIS_URL: 'r', DATABASE_URL: 'd' };
const { HATCHET_CLIENT_TOKEN, REDIS_URL, DATABASE_URL } = given;

describe('the demo says of no service that it stops or keeps it, unless it has started it', () => {
  test.each<[string, Record<string, string>, string, string]>([
    [
      'nothing is given',
      {},
      'stops now (the engine, Postgres and Redis);',
      'The engine, Postgres and Redis keep running',
    ],
    ['a Postgres is given', { DATABASE_URL }, 'stops now (the engine and Redis);', 'The engine and Redis keep running'],
    ['a Redis is given', { REDIS_URL }, 'stops now (the engine and Postgres);', 'The engine and Postgres keep running'],
    ['an engine is given', { HATCHET_CLIENT_TOKEN }, 'stops now (Redis);', 'Redis keeps running'],
    ['all is given', given, 'the demo has started nothing.', 'started nothing that could be kept'],
  ])('when %s', (_, env, end, kept) => {
    expect(endOfDemo(env)).toContain(end);
    expect(keptServices(env)).toContain(kept);
  });
});
