import type { ActionName, ActionResult, ProblemView } from '../wire';
import { base } from './session';

/** An answer of the server that is no, with a text for people. */
export class ServerError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/** Returns the address of a part of the API. Parts without a value are left out. */
export function addressOf(path: readonly string[], query: Record<string, string | number | undefined> = {}): string {
  const given = Object.entries(query).flatMap(([name, value]) =>
    value === undefined || value === '' ? [] : [[name, String(value)]],
  );
  const search = new URLSearchParams(given).toString();
  return `${base}/api/${path.map(encodeURIComponent).join('/')}${search ? `?${search}` : ''}`;
}

/** @throws ServerError, and TypeError when the server can't be reached */
export async function getJson<T>(address: string, signal?: AbortSignal): Promise<T> {
  return resultOf<T>(await fetch(address, signal ? { signal } : {}));
}

/** @throws as `getJson` */
export async function postAction(id: string, name: ActionName, body: object): Promise<ActionResult> {
  const response = await fetch(addressOf(['work', id, name]), {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-mageflow-viewer': '1' },
    body: JSON.stringify(body),
  });
  return resultOf<ActionResult>(response);
}

async function resultOf<T>(response: Response): Promise<T> {
  const text = await response.text();
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new ServerError(response.status, `The server answered with ${response.status} and no JSON.`);
  }
  if (!response.ok) throw new ServerError(response.status, (value as ProblemView).error);
  return value as T;
}

/** Returns what went wrong, for people. */
export function problemOf(error: unknown): string {
  if (error instanceof ServerError) return error.message;
  return 'The server of this page can’t be reached.';
}
