import { StoreFormatError } from '../../config/errors';
import { storageFormat } from '../../store/format';
import type { HealthReader } from '../../store/health-reader';
import { messageOf } from '../../utils/error-message';
import { quoted } from '../../utils/quoted';
import { message } from '../explain/words';
import type { Found } from './finding';

const todo = 'Update mageflow in this process and in all others, or use another keyPrefix.';

/** Looks whether this version reads the store; `away` says why Redis can't be asked. */
export async function formatOf(reader: Pick<HealthReader, 'format'>): Promise<Found | { away: string }> {
  try {
    const format = await reader.format();
    if (format === undefined) return { level: 'ok', clause: 'nothing is stored yet' };
    if (Number(format) <= storageFormat) return { level: 'ok', clause: `the storage format is ${format}` };
    // A connection that was opened before is refused only later.
    const clause = `the storage format is ${quoted(format)}, and this version of mageflow reads formats up to ${storageFormat}`;
    return { level: 'error', clause, todo };
  } catch (error) {
    const text = messageOf(error);
    if (error instanceof StoreFormatError) return { level: 'error', clause: message(text), todo };
    return { away: message(text) };
  }
}
