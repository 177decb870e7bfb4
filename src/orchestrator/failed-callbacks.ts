import type { Events } from '../config/events';
import type { MageflowLogger } from '../config/options';
import { messageOf } from '../utils/error-message';
import { readError, type GroupReader } from '../store/group-reader';
import { NameReader } from './name-reader';

/** Reports a failed callback in the log and to listeners, because nothing waits for its result. */
export function reportFailedCallbacks(reader: GroupReader, events: Events, logger: MageflowLogger) {
  const names = new NameReader(reader);
  // The stored error is the final one: a root's body may have thrown its error before its children ended.
  const reason = (groupId: string, entry: string) =>
    reader.result(groupId, entry).then(
      (result) => readError(result?.slice(1) ?? '') || 'no error was given',
      (error: unknown) => `its error can't be read: ${messageOf(error)}`,
    );
  return (groupId: string, entry: string): void => {
    // Names are read only for a failure, because reading them costs calls to Redis.
    void Promise.all([names.entry(groupId, entry), reason(groupId, entry)]).then(([who, why]) => {
      const message = `${who} failed: ${why}`;
      logger.error(message);
      events.emit('error', { groupId, entry, message });
    });
  };
}
