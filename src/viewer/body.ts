import { Refusal } from './responses';

const bytesAtMost = 1_000_000;

/** Reads the JSON object that a request carries; an empty body counts as `{}`. @throws Refusal */
export async function bodyOf(request: Request): Promise<Record<string, unknown>> {
  const text = await textOf(request);
  if (text.trim() === '') return {};
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Refusal(400, 'Expected a JSON object.');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Refusal(400, 'Expected a JSON object.');
  return value as Record<string, unknown>;
}

async function textOf({ body }: Request): Promise<string> {
  if (!body) return '';
  const parts: Uint8Array[] = [];
  let size = 0;
  const reader = (body as ReadableStream<Uint8Array>).getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return Buffer.concat(parts).toString('utf8');
    size += value.length;
    if (size > bytesAtMost) {
      await reader.cancel();
      throw new Refusal(413, `Expected at most ${bytesAtMost.toLocaleString('en-US')} bytes.`);
    }
    parts.push(value);
  }
}
