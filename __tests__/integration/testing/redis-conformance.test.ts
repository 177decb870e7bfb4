import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { Redis } from 'ioredis';
import { connectTo } from '../../../src/testing/redis/connection';
import { commands } from '../../../src/testing/redis/in-process-redis';
import { openRedis } from '../../in-process/redis';
import { eventually, required } from '../../helpers/fixture';
import { seedsOf } from '../../helpers/seeds';

const prefix = `conformance-${randomBytes(5).toString('hex')}:`;
const redis = { real: new Redis(required('REDIS_URL')), ours: connectTo(openRedis()) };
const both = Object.values(redis);

const keyNames = ['a', 'b', 'c'].map((name) => `${prefix}${name}`);
const clear = () => Promise.all(both.map((one) => one.unlink(...keyNames)));
afterEach(clear);
afterAll(async () => {
  await clear();
  for (const one of both) one.disconnect();
});

type Step = readonly [command: string, ...args: string[]];

/** Returns the reply to a command, or the message of its error. */
async function outcome(one: Redis, [command, ...args]: Step): Promise<unknown> {
  try {
    const method = (one as unknown as Record<string, (...args: string[]) => Promise<unknown>>)[command.toLowerCase()];
    const reply = await method?.call(one, ...args);
    // A time to live goes on while the other one is asked.
    return command === 'PTTL' && Number(reply) > 0 ? Math.round(Number(reply) / 10_000) : reply;
  } catch (error) {
    return { error: (error as Error).message };
  }
}

/** Does the same on both, and expects the same. */
async function same(...steps: Step[]): Promise<unknown[]> {
  const replies: unknown[] = [];
  for (const step of steps) {
    const [real, ours] = await Promise.all(both.map((one) => outcome(one, step)));
    expect({ step, reply: ours }).toEqual({ step, reply: real });
    replies.push(real);
  }
  return replies;
}

const [a, b, c] = keyNames as [string, string, string];

/** Commands whose replies differ by their nature: they describe the server, or come in an order that only each one knows. */
const incomparable = new Set(['INFO', 'TIME', 'CONFIG', 'MEMORY', 'DBSIZE', 'KEYS', 'SCAN', 'PUBLISH']);

describe('replies to single commands are those of Redis', () => {
  const fill: Step[] = [
    ['SET', a, 'hello'],
    ['HSET', b, 'f', '1', 'g', 'two', 'h', ''],
    ['ZADD', c, '1', 'one', '2', 'two', '2', 'zwei', '-inf', 'low', 'inf', 'high'],
  ];

  test.each(Object.keys(commands).filter((name) => !incomparable.has(name)))(
    '%s, with too few and too many arguments, and on keys of every type',
    async (name) => {
      await same(...fill);
      for (const key of [a, b, c, `${prefix}none`]) {
        const args = ['0', '1', 'x', 'y'];
        for (let number = 0; number <= 4; number++) await same([name, key, ...args.slice(0, number)], ...fill);
      }
      await same([name]);
    },
  );

  test('parts of strings, with places in front of and behind them', async () => {
    await same(['SET', a, 'hello']);
    const places = ['-9', '-6', '-5', '-1', '0', '1', '4', '5', '9', 'x', '1.5', ''];
    for (const from of places) for (const to of places) await same(['GETRANGE', a, from, to]);
    for (const at of places) await same(['SETRANGE', a, at, 'XY'], ['GET', a], ['SETRANGE', b, at, ''], ['EXISTS', b]);
  });

  test('parts of lists', async () => {
    await same(['RPUSH', a, 'v', 'w'], ['LPUSH', a, 'u', 't'], ['LLEN', a]);
    const places = ['-9', '-5', '-4', '-1', '0', '1', '3', '4', '9', 'x', '1.5', ''];
    for (const from of places) for (const to of places) await same(['LRANGE', a, from, to]);
    for (const at of places) await same(['LINDEX', a, at], ['LSET', a, at, 'new'], ['LSET', b, at, 'new']);
    for (const number of ['-1', 'x', '0', '1', '9']) await same(['LPOP', a, number], ['LPOP', b, number], ['LLEN', a]);
    await same(['EXISTS', a]);
  });

  test('ranges of scores', async () => {
    await same(['ZADD', a, '1', 'one', '2', 'two', '2', 'zwei', '-inf', 'low', 'inf', 'high', '3', 'drei']);
    const limits = ['-inf', '(-inf', '0', '1', '(1', '2', '(2', '3', 'inf', '(inf', '+inf', 'nan', 'x', '', '('];
    for (const from of limits)
      for (const to of limits)
        await same(
          ['ZCOUNT', a, from, to],
          ['ZRANGEBYSCORE', a, from, to],
          ['ZREVRANGEBYSCORE', a, from, to, 'WITHSCORES'],
          ['ZRANGEBYSCORE', a, from, to, 'LIMIT', '1', '2'],
        );
    const limit = (...words: string[]): Step => ['ZRANGEBYSCORE', a, '-inf', 'inf', ...words];
    await same(limit('LIMIT', '-1', '2'), limit('LIMIT', '0', '-1'), limit('LIMIT', '9', '1'), limit('LIMIT', '1'));
    await same(
      limit('LIMIT', '0', '1', 'withscores'),
      limit('WITHSCORES', 'LIMIT', '0', '0'),
      limit('LIMIT', 'x', '1'),
    );
    await same(['ZRANGE', a, '0', '-1', 'WITHSCORES'], ['ZREVRANGE', a, '1', '-2'], ['ZRANGE', a, '5', '2']);
    await same(['ZREMRANGEBYSCORE', a, '(1', '2'], ['ZREMRANGEBYRANK', a, '0', '0'], ['ZRANGE', a, '0', '-1']);
    await same(['ZREMRANGEBYRANK', a, '0', '-2'], ['ZREMRANGEBYRANK', a, '0', '-1'], ['EXISTS', a]);
  });

  test('members that are added under conditions', async () => {
    for (const options of [
      [],
      ['NX'],
      ['XX'],
      ['GT'],
      ['LT'],
      ['CH'],
      ['XX', 'CH'],
      ['GT', 'CH'],
      ['nx', 'ch'],
      ['NX', 'XX'],
    ])
      for (const score of ['0', '1', '2', 'inf', '1e3', '0x10', 'nan', 'x', ' 1'])
        await same(
          ['ZADD', a, '1', 'one'],
          ['ZADD', a, ...options, score, 'one', '7', 'new'],
          ['ZSCORE', a, 'one'],
          ['ZRANGE', a, '0', '-1', 'WITHSCORES'],
          ['DEL', a],
        );
    await same(['ZADD', a, 'NX', 'GT', '1', 'x'], ['ZADD', a, '1'], ['ZADD', a, '1', 'x', '2'], ['ZADD', a, 'CH']);
    await same(['ZADD', a, 'XX', '1', 'x'], ['EXISTS', a], ['ZADD', a, '1764434000123456', 'x'], ['ZSCORE', a, 'x']);
  });

  test('whole numbers', async () => {
    for (const by of ['1', '-1', '+1', '01', ' 1', '1.5', '', 'x', '4000000000000'])
      await same(
        ['HSET', a, 'n', '5'],
        ['HINCRBY', a, 'n', by],
        ['HGET', a, 'n'],
        ['HINCRBY', a, 'text', by],
        ['DEL', a],
      );
    for (const value of ['', 'x', '1.5', '05', '-0', ' 5'])
      await same(['HSET', a, 'n', value], ['HINCRBY', a, 'n', '1']);
  });

  test('times to live', async () => {
    for (const option of [[], ['NX'], ['XX'], ['GT'], ['LT'], ['nx'], ['NX', 'GT'], ['GT', 'LT'], ['XX', 'GT'], ['y']])
      for (const ms of ['1000000', '3000000', '0', '-1', 'x', ''])
        await same(
          ['SET', a, 'v'],
          ['PEXPIRE', a, ms, ...option],
          ['PTTL', a],
          ['SET', b, 'v', 'PX', '2000000'],
          ['PEXPIRE', b, ms, ...option],
          ['PTTL', b],
          ['PERSIST', b],
          ['PERSIST', b],
          ['PTTL', b],
          ['PEXPIRE', c, ms, ...option],
        );
  });

  test('options of SET, and what keeps a time to live', async () => {
    const options = [
      ['NX'],
      ['XX'],
      ['EX', '1000'],
      ['PX', '1000000'],
      ['PX', '0'],
      ['EX', '-1'],
      ['EX', 'x'],
      ['EX'],
      ['NX', 'XX'],
    ];
    for (const option of [...options, ['KEEPTTL'], ['KEEPTTL', 'PX', '1'], ['px', '1000000', 'nx'], ['Y']])
      await same(
        ['SET', a, '1', ...option],
        ['PTTL', a],
        ['SET', b, '1', 'PX', '2000000'],
        ['SET', b, '2', ...option],
        ['PTTL', b],
        ['DEL', a, b],
      );
    await same(['SET', a, '1', 'PX', '2000000'], ['SETRANGE', a, '0', 'x'], ['PTTL', a]);
    await same(['HSET', c, 'f', '1'], ['PEXPIRE', c, '2000000'], ['HSET', c, 'f', '2'], ['PTTL', c], ['HDEL', c, 'f']);
    await same(['HSET', c, 'f', '1'], ['PTTL', c], ['SET', c, 'a string now'], ['TYPE', c]);
  });

  test('scans of what is small', async () => {
    await same(
      ['HSET', a, 'f', '1', 'g', '2'],
      ['HSCAN', a, '0'],
      ['HSCAN', a, '0', 'COUNT', '1'],
      ['HSCAN', a, '0', 'MATCH', 'f*'],
    );
    await same(
      ['HSCAN', a, 'x'],
      ['HSCAN', a, '0', 'COUNT', '0'],
      ['HSCAN', a, '0', 'COUNT'],
      ['HSCAN', a, '0', 'MORE', '1'],
    );
    await same(
      ['ZADD', b, '1', 'm', '2', 'n'],
      ['ZSCAN', b, '0'],
      ['ZSCAN', b, '0', 'MATCH', '[a-m]'],
      ['ZSCAN', c, '0'],
    );
  });
});

test('a scan of much returns each element that stays, however much is removed on the way', async () => {
  const number = 2_000;
  for (const one of both) {
    const members = Array.from({ length: number }, (_, i) => [String(i), `m${i}`]).flat();
    await one.call('ZADD', a, ...members);
    const seen = new Set<string>();
    let cursor = '0';
    let pages = 0;
    do {
      const [next, page] = await one.zscan(a, cursor, 'COUNT', 100);
      cursor = next;
      pages += 1;
      for (let i = 0; i < page.length; i += 2) seen.add(page[i] ?? '');
      await one.zrem(a, `m${pages}`);
    } while (cursor !== '0');
    expect(pages).toBeGreaterThan(5);
    for (let i = pages; i < number; i++) expect(seen.has(`m${i}`) || i <= pages).toBe(true);
  }
});

test.each(['*', 'a*', '?b', '[ab]x', '[^a]x', '[a-c]x', '\\*', 'a\\?', '[', 'x]', 'h[^]x', '.+', 'a{2}'])(
  'the pattern %s matches the same keys',
  async (pattern) => {
    const fields = ['a', 'ab', 'bb', 'ax', 'bx', 'cx', 'dx', '*', 'a?', '[', 'x]', 'h^x', '.+', 'aa', 'a{2}'];
    await same(['HSET', a, ...fields.flatMap((field) => [field, '1'])], ['HSCAN', a, '0', 'MATCH', pattern]);
  },
);

test('bytes that are no text are kept as they are', async () => {
  const bytes = Buffer.from([0, 255, 128, 10, 195, 40]);
  for (const one of both) {
    await one.set(a, bytes);
    expect(await one.getBuffer(a)).toEqual(bytes);
    expect(await one.strlen(a)).toBe(6);
    await one.hset(b, { größe: 'ß', plain: 'x' });
    expect(await one.hgetall(b)).toEqual({ größe: 'ß', plain: 'x' });
    expect(await one.hstrlen(b, 'größe')).toBe(2);
  }
});

const argument = fc.oneof(
  fc.constantFrom(...keyNames),
  fc.constantFrom('0', '1', '2', '-1', '-2', '5', '1.5', '', 'x', 'y', 'inf', '-inf', '(1', 'nan', '100000', '3000000'),
  fc.constantFrom('NX', 'XX', 'GT', 'LT', 'CH', 'WITHSCORES', 'LIMIT', 'COUNT', 'MATCH', 'PX', 'KEEPTTL'),
);
/** A time to live that is over soon would be over on one of the two first. */
const longer = (text: string): string => (/^[1-9]$/.test(text) ? '3000000' : text);

const step = fc
  .constantFrom(...Object.keys(commands).filter((name) => !incomparable.has(name) && name !== 'PING'))
  .chain((name) => {
    const { from, to } = commands[name]!;
    const number = fc.integer({ min: from - 1, max: Math.min(to, from + 3) });
    return number.chain((length) =>
      fc
        .tuple(fc.constantFrom(...keyNames), fc.array(argument, { minLength: length, maxLength: length }))
        .map(([key, args]): Step => [
          name,
          key,
          ...args.slice(1).map(name === 'PEXPIRE' || name === 'SET' ? longer : String),
        ]),
    );
  });

const [seed = 0] = seedsOf('redis');

test(`random sequences of commands with odd arguments give the same replies (REDIS_SEED=${seed})`, async () => {
  const steps = fc.array(step, { minLength: 5, maxLength: 30 });
  const property = fc.asyncProperty(steps, async (all) => {
    await clear();
    for (const one of all) {
      const [real, ours] = await Promise.all(both.map((client) => outcome(client, one)));
      // It says so, in place of another reply; from here on the two differ.
      if (/does not know/.test((ours as { error?: string } | null)?.error ?? '')) return;
      expect({ step: one, reply: ours }).toEqual({ step: one, reply: real });
    }
  });
  await fc.assert(property, { numRuns: 1_500, seed });
});

describe('scripts', () => {
  /** Runs a script on both. */
  async function script(lua: string, keys: readonly string[] = [], args: readonly string[] = []): Promise<unknown> {
    const [real, ours] = await Promise.all(
      both.map(async (one) => {
        const client = one as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>;
        one.defineCommand('conformance', { lua });
        try {
          return await client['conformance']!(keys.length, ...keys, ...args);
        } catch (error) {
          return { error: (error as Error).message };
        }
      }),
    );
    expect({ lua, reply: ours }).toEqual({ lua, reply: real });
    return real;
  }

  test.each([
    'return 1',
    'return 1.9',
    'return -1.9',
    'return "text"',
    'return true',
    'return false',
    'return nil',
    'return {}',
    'return {1, "two", {3, {4}}, true, false, 5}',
    'return {1, nil, 3}',
    'return {ok = "fine"}',
    'return {err = "MY own error"}',
    'return {x = 1}',
    'return 10 / 2 .. ""',
    'return 7 / 2 .. ""',
    'return 2 ^ 40 .. ""',
    'return "1764434000" * 1000 .. ""',
    'return "10" + 1 .. ""',
    'return tonumber("1764434000123") .. ""',
    'return tonumber("100000") * tonumber("86400000") .. ""',
    'return tostring(tonumber("12") * 1)',
    'return tostring(math.floor(7.9)) .. " " .. math.ceil(7.1) .. " " .. math.floor(-7.5)',
    'return math.max(1, 2.5) .. " " .. math.min(3, -1) .. " " .. math.abs(-2)',
    'return tostring(tonumber("inf") == math.huge) .. tostring(tonumber("x")) .. tostring(tonumber("")) .. tostring(tonumber("0x10"))',
    'return tostring(tonumber(" 5 ")) .. tostring(tonumber("5e2")) .. tostring(tonumber("5 6")) .. tostring(tonumber("-"))',
    'return string.format("%.0f", 2.5) .. string.format("%.0f", 3.5) .. string.format("%.0f", -0.5) .. string.format("%.0f", 1e15)',
    'return string.format("%.0f", 1764434000123456) .. string.format("%.0f", 2 ^ 70) .. string.format("%.0f", "12")',
    'return string.format("%.0f", math.huge) .. string.format("%.0f", -math.huge)',
    'return {string.match("a|b||d", "^([^|]*)|([^|]*)|([^|]*)|([^|]*)$")}',
    'return {string.find("abc", "b", 1, true), string.find("a\\0q", "[%zq]", 1)}',
    'return {string.gsub("abcabc", "b", "")}',
    'local t = {} for at in string.gmatch(string.reverse("hqh"), "()h") do t[#t + 1] = at end return t',
    'return string.rep("ab", 3) .. string.sub("hello", -3) .. string.sub("hello", 2, 3)',
    'return table.concat({1, 2.5, "x", 10 / 2}, "|")',
    'local t = {3, 1, 2} table.sort(t) return t',
    'return {unpack({1, 2, 3}, 2)}',
    'return #{unpack({1, 2, 3}, 1, 2)}',
    'return {pcall(cjson.decode, "[1,\\"a\\",[2]]")}',
    'return (pcall(cjson.decode, "[1,"))',
    'return cjson.encode({1, 2, {3}})',
    'return cjson.encode({a = "b"})',
    'return cjson.encode({})',
    'return cjson.decode("[0.5, 3]")[1] * 4',
    'return type(cjson.decode("[null]")[1]) .. type(cjson.decode("{\\"a\\":{}}").a)',
    'return struct.pack(">I5I5I2", 1, 2 ^ 39, 65535)',
    'return {struct.unpack(">I5I5I2", struct.pack(">I5I5I2", 1, 2 ^ 39, 65535))}',
    'return redis.sha1hex("abc")',
    'return redis.call("SET", KEYS[1], 5)',
    'return redis.call("SET", KEYS[1], "x").ok',
    'redis.call("SET", KEYS[1], 10 / 4) return redis.call("GET", KEYS[1])',
    'redis.call("SET", KEYS[1], 1e20) return redis.call("GET", KEYS[1])',
    'redis.call("SET", KEYS[1], 0.1) return redis.call("GET", KEYS[1])',
    'redis.call("SET", KEYS[1], 2 ^ 45) return redis.call("GET", KEYS[1])',
    'return redis.call("GET", KEYS[1]) == false',
    'return redis.call("TYPE", KEYS[1]).ok',
    'return redis.call("HMGET", KEYS[1], "a", "b")',
    'return redis.call("HLEN", KEYS[1]) == 0',
    'return redis.call("HSET", KEYS[1], "a", 1, "b", 2) / 2 .. ""',
    'redis.call("SET", KEYS[1], "v", "PX", 50) return redis.call("PEXPIRE", KEYS[1], -1) .. redis.call("EXISTS", KEYS[1])',
    'local t = redis.call("TIME") return {type(t[1]), #t[1]}',
    'return redis.call("TIME")[1] * 1000000 > 2 ^ 50',
    'return {KEYS[1], ARGV[1], #KEYS, #ARGV, ARGV[3] == nil}',
    'return ARGV[1] + 1',
    'return #ARGV[2]',
    'error("my error")',
    'error({err = "OWN table"})',
    'return 1 < "2"',
    'return redis.call("LPUSH", KEYS[2], "a") + redis.call("HGET", KEYS[2], "f")',
    'return redis.pcall("HGET", KEYS[2], "f")',
    'return redis.call("GET")',
    'return redis.call("GET", {})',
    'return redis.call()',
    'return undefinedVariable',
    'undefinedVariable = 1',
  ])('%s', async (lua) => {
    await same(['LPUSH', b, 'list']);
    await script(lua, [`${prefix}a`, b], ['5', 'größe']);
  });

  // What the translation to JavaScript has to get right.
  test.each([
    'local x = 1 local x = x + 1 do local x = x * 10 end return x',
    'local a, b = 1, 2 a, b = b, a return {a, b}',
    'local t = {} t[#t + 1], t[#t + 2] = "a", "b" return t',
    'local function f() return 1, 2, 3 end return {f(), f()}',
    'local function f() return 1, 2, 3 end return {(f()), f()}',
    'local function f() end return {tostring(f()), #{f()}, tostring((f()))}',
    'local function f(a, ...) return select("#", ...), ... end return {f(1, 2, nil, 3)}',
    'local function sum(...) local s = 0 for _, v in ipairs({...}) do s = s + v end return s end return sum(1, 2, 3)',
    'local fs = {} for i = 1, 3 do fs[i] = function() return i end end return {fs[1](), fs[2](), fs[3]()}',
    'local r = {} for i = 5, 1, -2 do r[#r + 1] = i end return r',
    'local r = {} for i = 1, 3 do r[#r + 1] = i i = i * 10 end return r',
    'local r = {} for i = "1", "3" do r[#r + 1] = i end return r',
    'local n = 0 repeat local done = n >= 3 n = n + 1 until done return n',
    'local n = 0 while true do n = n + 1 if n > 4 then break end end return n',
    'local t = {1, 2, 3, nil} t[3] = nil return #t',
    'local t = {} t[2] = "b" t[1] = "a" t[3] = "c" return {#t, t[3]}',
    'local t = {x = 1, ["y z"] = 2, [10] = 3, 4} return {t.x, t["y z"], t[10], t[1]}',
    'local t = {5, 3, 9} table.sort(t, function(a, b) return a > b end) return t',
    'local t = {1, 2, 3} table.insert(t, 1, 0) table.insert(t, 4) return {table.remove(t, 2), table.remove(t), unpack(t)}',
    'local n = 0 for k, v in pairs({1, 2, a = 3, b = 4}) do n = n + v end return n',
    'local t = {a = 1, b = 2} for k in pairs(t) do t[k] = nil end return tostring(next(t))',
    'return {tostring(nil and 1), tostring(false or nil), tostring(nil or false), 0 and "zero", "" and "empty", false == nil and 1 or 2}',
    'return {tostring(not nil), tostring(not 0), 1 and 2, tostring(1 == "1"), tostring("a" < "b"), tostring("Z" < "a")}',
    'return {7 % 3, -7 % 3, 7 % -3, 2 ^ 3, -2 ^ 2, 2 ^ 3 ^ 2}',
    'return 1 .. 2 .. "" .. 0.1 .. 1e15 .. 123456789012345 .. -0.5',
    'return tostring(1e14) .. " " .. tostring(1e13) .. " " .. tostring(0.1 + 0.2) .. " " .. tostring(1/3) .. " " .. tostring(-1e-7)',
    'return {"\\65\\066\\n\\"", #"\\0a", "\\255"}',
    'return {string.byte("abc", 1, -1)}',
    'return {string.char(104, 105), string.len("x")}',
    'return {string.find("hello", "l+"), string.find("hello", "xyz"), string.find("a.b", ".", 1, true), string.find("abc", "", 10)}',
    'return {string.match("key = value", "^(%w+)%s*=%s*(%w+)$")}',
    'return {string.match("  trim  ", "^%s*(.-)%s*$"), string.match("2024-01-02", "(%d+)-(%d+)"), tostring(string.match("x", "%d"))}',
    'return {string.match("a]b", "[]]"), string.match("a-b", "[a%-]+"), string.match("a^b", "[%^]"), string.match("abc", "[^a]+")}',
    'return {string.gsub("hello", "l", "L", 1)}',
    'return {string.gsub("abc", "", "-")}',
    'local r = {} for w in string.gmatch("one two  three", "%a+") do r[#r + 1] = w end return r',
    'return {string.sub("hello", 2, 10), string.sub("hello", 0), string.sub("hello", 4, 2), string.sub("hello", -2, -1), string.rep("x", 0)}',
    'return {string.upper("aß"), string.lower("AÄ"), string.reverse("abc")}',
    'return {pcall(error, {code = 1})}',
    'return {pcall(function() error("inside") end)}',
    'return {pcall(function() error("inside", 0) end)}',
    'return {pcall(function() local x = nil; return x() end) == false}',
    'return {pcall(redis.call, "HGET", KEYS[2], "f")}',
    'local function deep()\n  error("in line two")\nend\nlocal x = 1\ndeep()',
    'local t = {}\nlocal s = "a"\nreturn redis.call("HGET", KEYS[2],\n  "f")',
    'return select(-1, 1, 2, 3)',
    'return #{unpack({}, 1, 7000)}',
    'return (pcall(unpack, {}, 1, 9000))',
    'return cjson.encode({"a/b", 1.5, true, {x = {}}})',
    'return tostring(cjson.decode("{\\"a\\":null}").a == nil)',
    'return {type(nil), type(1), type("x"), type({}), type(type), type(cjson.decode("[null]")[1])}',
    'return assert(redis.call("SET", KEYS[1], "v")).ok',
    'return assert(false, "not so")',
    'return math.max("10", 9) + math.min("3", 4)',
    'return tostring(math.huge) .. tostring(-math.huge)',
    'return redis.pcall("GET", {})',
    'return {1, 2, nil, 4}',
  ])('%s, in another way of writing', async (lua) => {
    await same(['LPUSH', b, 'list']);
    await script(lua, [`${prefix}a`, b], ['5', 'größe']);
  });

  test('what a script has changed stays when it fails afterwards', async () => {
    await script(`redis.call('SET', KEYS[1], 'changed') error('then')`, [a]);
    await same(['GET', a]);
  });
});

test('a transaction answers with the reply or the error of each command', async () => {
  for (const one of both) {
    await one.lpush(b, 'x');
    const [first, second, third] = (await one.multi().set(a, '1').hget(b, 'f').hset(c, { f: '2' }).exec()) ?? [];
    expect([first, third]).toEqual([
      [null, 'OK'],
      [null, 1],
    ]);
    expect((second?.[0] as Error).message).toContain('WRONGTYPE');
  }
});

const subscribers: Redis[] = [];
afterAll(() => subscribers.forEach((one) => one.disconnect()));

test('messages reach the subscribers of a channel, until they leave', async () => {
  for (const one of both) {
    const channel = `${prefix}channel`;
    const subscriber = one.duplicate();
    subscribers.push(subscriber);
    const received: string[] = [];
    subscriber.on('message', (from: string, message: string) => void received.push(`${from} ${message}`));
    expect(await subscriber.subscribe(channel, `${channel}2`)).toBe(2);
    expect(await one.publish(channel, 'größe')).toBe(1);
    expect(await one.publish(`${channel}3`, 'to nobody')).toBe(0);
    expect(await subscriber.unsubscribe(`${channel}2`)).toBe(1);
    expect(await one.publish(`${channel}2`, 'too late')).toBe(0);
    expect(await subscriber.unsubscribe(channel)).toBe(0);
    await eventually('the message arrives', () => received.length > 0);
    expect(received).toEqual([`${channel} größe`]);
  }
});

test('a connection connects, refuses, queues and ends as one of ioredis', async () => {
  const observed: unknown[][] = [];
  for (const one of both) {
    const events: string[] = [];
    const lazy = one.duplicate({ lazyConnect: true, enableOfflineQueue: false, retryStrategy: () => null });
    for (const event of ['connect', 'ready', 'close', 'end']) lazy.on(event, () => void events.push(event));
    const seen: unknown[] = [lazy.status];
    const message = (error: unknown) => (error as Error).message;
    seen.push(await lazy.get(a).catch(message));
    if (lazy.status !== 'ready') await new Promise((resolve) => lazy.once('ready', resolve));
    seen.push(await lazy.get(a), await lazy.connect().catch(message));
    const ended = new Promise((resolve) => lazy.once('end', resolve));
    lazy.disconnect();
    await ended;
    seen.push(lazy.status, await lazy.get(a).catch(message), events);
    const queuing = one.duplicate({ lazyConnect: true });
    seen.push(await queuing.ping(), queuing.status, await queuing.quit());
    observed.push(seen);
  }
  expect(observed[1]).toEqual(observed[0]);
});

test.each(['xadd', 'incr', 'sadd', 'pipeline', 'blpop'] as const)(
  'the command %s, which it does not have, fails with an error that names it',
  async (name) => {
    const method = redis.ours[name] as unknown as (...args: string[]) => Promise<unknown>;
    await expect(method.call(redis.ours, a)).rejects.toThrow(
      `the in-process Redis does not know the command ${name.toUpperCase()}`,
    );
  },
);
