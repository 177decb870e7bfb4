import {
  configFields,
  fieldFromText,
  fieldToText,
  type ConfigChange,
  type ConfigField,
  type ResolvedConfig,
} from '../config/swarm-config';
import { field as stored } from './scripts.generated';

/** The stored names of the configuration of a swarm, in the order of {@link decodeConfig}. */
export const storedFields: readonly string[] = configFields.map((field) => stored[field]);

/** Returns the names and texts of a configuration for Redis, alternately. Fields with the text '' are left out. */
export function encodeConfig(config: ConfigChange): string[] {
  return pairsOf(config).flatMap((pair) => (pair[1] === '' ? [] : pair));
}

/** Returns the names and texts of a change, alternately. A field with the text '' is to be removed from Redis. */
export function encodeChange(change: ConfigChange): string[] {
  return pairsOf(change).flat();
}

/** Reads a configuration from the texts of {@link storedFields}. */
export function decodeConfig(texts: readonly (string | null | undefined)[]): ResolvedConfig {
  return Object.fromEntries(
    configFields.map((field, i) => [field, fieldFromText(field, texts[i])]),
  ) as unknown as ResolvedConfig;
}

function pairsOf(config: ConfigChange): [stored: string, text: string][] {
  const pair = <F extends ConfigField>(field: F, value: ResolvedConfig[F] | undefined): [string, string][] =>
    value === undefined ? [] : [[stored[field], fieldToText(field, value)]];
  return configFields.flatMap((field) => pair(field, config[field]));
}
