import { HatchetClient, type Context } from '@hatchet-dev/typescript-sdk';
import { randomUUID } from 'node:crypto';
import { quietLogger } from '../../__tests__/helpers/quiet';

type Body = (input: unknown, ctx: Context<unknown>) => unknown;

interface Run {
  workflowName: string;
  input: unknown;
  options?: { additionalMetadata?: Record<string, string> };
}

/** A declaration, as far as its body is concerned. */
interface Declared {
  definition: { name: string; _tasks: { fn?: unknown }[] };
}

/**
 * A client whose engine takes each run at once and runs its body in this process right away. What is left is what mageflow
 * itself costs, in this process and in Redis.
 */
export class InstantEngine {
  readonly hatchet: HatchetClient;
  /** Bodies that threw, other than on purpose. */
  failures = 0;
  calls = 0;
  /** Told of each run that it takes. */
  onTake: ((runId: string, run: Run) => void) | undefined;
  private readonly bodies = new Map<string, Body>();

  constructor(namespace: string) {
    this.hatchet = HatchetClient.init({
      namespace,
      token: unsignedToken(),
      tls_config: { tls_strategy: 'none' },
      logger: quietLogger as never,
    });
    const runWorkflows = (runs: readonly Run[]) => {
      this.calls += 1;
      return Promise.resolve(runs.map((run) => ({ runId: this.take(run) })));
    };
    Object.defineProperty(this.hatchet.admin, 'runWorkflows', { value: runWorkflows, configurable: true });
  }

  serve(...declarations: Declared[]): void {
    for (const { definition } of declarations) this.bodies.set(definition.name, definition._tasks[0]?.fn as Body);
  }

  private take(run: Run): string {
    const runId = randomUUID();
    this.onTake?.(runId, run);
    setImmediate(() => void this.execute(run, runId));
    return runId;
  }

  private async execute({ workflowName, input, options }: Run, runId: string): Promise<void> {
    try {
      const context = new InstantContext(runId, options?.additionalMetadata ?? {}) as unknown as Context<unknown>;
      await this.bodies.get(workflowName)?.(input, context);
    } catch {
      this.failures += 1;
    }
  }
}

/** What mageflow's wrapper reads of a run's context. */
class InstantContext {
  readonly abortController = new AbortController();
  readonly v1 = { config: {} };
  readonly invocationCount = 1;
  input: unknown = undefined;

  constructor(
    private readonly runId: string,
    private readonly metadata: Record<string, string>,
  ) {}

  workflowRunId(): string {
    return this.runId;
  }

  retryCount(): number {
    return 0;
  }

  additionalMetadata(): Record<string, string> {
    return this.metadata;
  }
}

/** The SDK reads addresses and the tenant out of its token; nothing listens at these. */
function unsignedToken(): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const claims = {
    sub: '00000000-0000-4000-8000-000000000000',
    grpc_broadcast_address: '127.0.0.1:1',
    server_url: 'http://127.0.0.1:1',
  };
  return `${part({ alg: 'none' })}.${part(claims)}.`;
}
