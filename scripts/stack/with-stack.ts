import { startStack } from './stack';

/** Calls `use` with what a process needs to use a stack that lives as long as that takes. */
export async function withStack<T>(use: (env: Record<string, string>) => Promise<T>): Promise<T> {
  const stack = await startStack({
    onProgress: (line) => {
      console.error(`stack: ${line}`);
    },
  });
  try {
    return await use(stack.env);
  } finally {
    await stack.stop();
  }
}
