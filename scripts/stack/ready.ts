import { readFileSync } from 'node:fs';
import { PortTakenError, StackError } from './errors';
import { describeExit, type Service } from './processes';
import { poll, type WaitOptions } from './wait';

const PORT_TAKEN = /address already in use/i;

/** Waits until a service answers. It fails early when the service has ended or says that its port is taken. */
export async function waitReady(
  service: Service,
  probe: () => boolean | Promise<boolean>,
  options: WaitOptions,
): Promise<void> {
  const ready = await poll(async () => {
    if (service.exit === undefined && (await probe())) return true;
    if (PORT_TAKEN.test(readFileSync(service.logFile).subarray(service.logStart).toString())) {
      throw new PortTakenError(`${service.name} found its port taken.`, service.logFile);
    }
    if (service.exit !== undefined) {
      throw new StackError(`${service.name} ${describeExit(service.exit)} before it was ready.`, service.logFile);
    }
    return false;
  }, options);
  if (ready === undefined) {
    throw new StackError(`${service.name} was not ready after ${String(options.timeoutMs / 1000)} s.`, service.logFile);
  }
}
