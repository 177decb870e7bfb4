/** Messages of the supervisor to the process that started it. */
export type SupervisorMessage =
  | { type: 'progress'; line: string }
  | { type: 'ready'; env: Record<string, string>; logs: string[] }
  | { type: 'failed'; message: string }
  /** A service has ended, or answers again, as it was asked; `message` says why not. */
  | { type: 'service'; id: number; message?: string };

/**
 * `stop`: end everything. `release`: live on when the process that sent this is gone. `end` and `start`: end one service,
 * and start it again as it was.
 */
export type ParentMessage =
  | { type: 'stop' }
  | { type: 'release' }
  | { type: 'end'; id: number; name: ServiceName; signal: NodeJS.Signals }
  | { type: 'start'; id: number; name: ServiceName };

/** The services that a stack can have of its own. */
export type ServiceName = 'engine' | 'postgres' | 'redis';

export function isSupervisorMessage(message: unknown): message is SupervisorMessage {
  return typeof message === 'object' && message !== null && 'type' in message;
}
