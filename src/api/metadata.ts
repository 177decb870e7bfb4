import { ConfigurationError, describe } from '../config/errors';
import { checkWellFormed } from '../config/text';

/** Checks metadata of runs, and returns a copy. @throws ConfigurationError, InvalidMessageError */
export function checkMetadata(field: string, given: Record<string, string>, what: string): Record<string, string> {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw new ConfigurationError(`${field} of ${what}: expected an object with string values, got ${describe(given)}.`);
  }
  const metadata = { ...given };
  for (const [key, value] of Object.entries(metadata)) {
    if (key.startsWith('mageflow.')) {
      throw new ConfigurationError(
        `${field} of ${what}: the key ${key} is reserved for mageflow. Choose one that doesn't start with "mageflow.".`,
      );
    }
    if (key.startsWith('hatchet__')) {
      throw new ConfigurationError(
        `${field} of ${what}: the key ${key} is reserved for the engine. Choose one that doesn't start with "hatchet__".`,
      );
    }
    if (typeof value !== 'string' || value.includes('\0') || key.includes('\0')) {
      throw new ConfigurationError(
        `${field} of ${what}: expected a string without NUL at ${describe(key)}, got ${describe(value)}.`,
      );
    }
    for (const each of [key, value]) checkWellFormed(`${field} of ${what}`, each);
  }
  return metadata;
}
