/** What the supervisor tells the process that started it. */
export type SupervisorMessage =
  | { type: 'progress'; line: string }
  | { type: 'ready'; env: Record<string, string>; logs: string[] }
  | { type: 'failed'; message: string };

/** `stop`: end everything. `release`: live on when the process that sent this is gone. */
export type ParentMessage = { type: 'stop' } | { type: 'release' };

export function isSupervisorMessage(message: unknown): message is SupervisorMessage {
  return typeof message === 'object' && message !== null && 'type' in message;
}
