import { notKnown } from '../errors';
import { matcher } from '../pattern';
import type { Value } from '../keyspace';
import { Status } from '../replies';
import { atLeast, between, exactly, type Commands } from './command';

/** The settings that a program may read. They are those that mageflow recommends. */
const settings: Readonly<Record<string, string>> = {
  maxmemory: '0',
  'maxmemory-policy': 'noeviction',
  appendonly: 'no',
  save: '',
};

/** Bytes that a key and its entries take besides their own, roughly those of Redis. */
const perKey = 56;
const perElement = 16;

function sizeOf(value: Value): number {
  if (typeof value === 'string') return value.length;
  const texts = Array.isArray(value)
    ? value
    : value instanceof Map
      ? [...value].map(([field, text]) => field + text)
      : value.slice().map(({ member }) => member);
  return texts.reduce((sum, text) => sum + text.length + perElement, 0);
}

export const server: Commands = {
  PING: between(0, 1, (_, [message]) => message ?? new Status('PONG')),
  TIME: exactly(0, (around) => {
    const { seconds, micros } = around.time();
    return [String(seconds), String(micros)];
  }),
  INFO: atLeast(0, (around) =>
    [
      '# Server',
      'redis_version:7.2.0',
      'redis_mode:standalone',
      `run_id:${around.runId}`,
      `uptime_in_seconds:${Math.floor(around.upMs() / 1_000)}`,
      '# Memory',
      'maxmemory:0',
      'maxmemory_policy:noeviction',
      '# Persistence',
      'loading:0',
      'aof_enabled:0',
      '# Replication',
      'role:master',
      'second_repl_offset:-1',
      '',
    ].join('\r\n'),
  ),
  CONFIG: atLeast(1, (_, [action = '', ...patterns]) => {
    if (action.toUpperCase() !== 'GET' || patterns.length === 0) throw notKnown(`CONFIG ${action.toUpperCase()}`);
    const fits = patterns.map((pattern) => matcher(pattern.toLowerCase()));
    return Object.entries(settings).flatMap((pair) => (fits.some((fit) => fit(pair[0])) ? pair : []));
  }),
  MEMORY: atLeast(1, ({ keyspace }, [action = '', key]) => {
    if (action.toUpperCase() !== 'USAGE' || key === undefined) throw notKnown(`MEMORY ${action.toUpperCase()}`);
    const value = keyspace.value(key);
    return value === undefined ? null : key.length + perKey + sizeOf(value);
  }),
  PUBLISH: exactly(2, (around, [channel = '', message = '']) => around.publish(channel, message)),
};
