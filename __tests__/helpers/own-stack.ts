import { isAlive, signalProcess } from '../../scripts/stack/identity';
import { readServices, type ServiceRecord } from '../../scripts/stack/instance';
import type { ServiceName } from '../../scripts/stack/protocol';
import { startStack, type Stack } from '../../scripts/stack/stack';

/** This process's environment without the services that the suites run on, so that a stack starts its own. */
export function ownEnv(extra: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  const given = /^(HATCHET_|REDIS_URL$|DATABASE_URL$|MAGEFLOW_)/;
  return { ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !given.test(name))), ...extra };
}

/** An engine and a Postgres for tests that stop them; Redis is the one of the suites. */
export class OwnStack {
  private constructor(private readonly stack: Stack) {}

  /** Starts them. From then on, what this file opens works on them. */
  static async open(): Promise<OwnStack> {
    const stack = await startStack({ env: ownEnv({ REDIS_URL: process.env['REDIS_URL'] }) });
    Object.assign(process.env, stack.env);
    return new OwnStack(stack);
  }

  stop(name: ServiceName, signal: NodeJS.Signals): Promise<void> {
    return this.stack.endService(name, signal);
  }

  start(name: ServiceName): Promise<void> {
    return this.stack.startService(name);
  }

  async restart(name: ServiceName, signal: NodeJS.Signals): Promise<void> {
    await this.stop(name, signal);
    await this.start(name);
  }

  /** Stops a service's process where it stands: its connections stay, and nothing answers. */
  freeze(name: ServiceName): void {
    signalProcess(this.service(name).pid, 'SIGSTOP');
  }

  thaw(name: ServiceName): void {
    signalProcess(this.service(name).pid, 'SIGCONT');
  }

  /** Whether a service has not ended by itself. */
  lives(name: ServiceName): boolean {
    return isAlive(this.service(name));
  }

  private service(name: ServiceName): ServiceRecord {
    const found = readServices(this.stack.env['MAGEFLOW_STACK_DIR'] ?? '').find((one) => one.name === name);
    if (!found) throw new Error(`This stack runs no ${name} of its own.`);
    return found;
  }

  close(): Promise<void> {
    return this.stack.stop();
  }
}
