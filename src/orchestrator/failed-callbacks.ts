import type { Events } from '../config/events';
import type { MageflowLogger } from '../config/options';
import { messageOf } from '../utils/error-message';
import { readError, type GroupReader } from '../store/group-reader';
import { NameReader } from './name-reader';

/** Tells of a callback that has failed, in the log and to listeners: nobody waits for it. */
export function reportFailedCallbacks(reader: GroupReader, events: Events, logger: MageflowLogger) {
  const names = new NameReader(reader);
  // A root's body may have said why before its children ended: what is stored counts.
  const reason = (groupId: string, entry: string) =>
    reader.result(groupId, entry).then(
      (result) => readError(result?.slice(1) ?? '') || 'no error was given',
      (error: unknown) => `its error can't be read: ${messageOf(error)}`,
    );
  return (groupId: string, entry: string): void => {
    // Only what fails pays for its names being read.
    void Promise.all([names.entry(groupId, entry), reason(groupId, entry)]).then(([who, why]) => {
      const message = `${who} failed: ${why}`;
      logger.error(message);
      events.emit('error', { groupId, entry, message });
    });
  };
}
