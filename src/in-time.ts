/**
 * What a call gives, or an error when that takes longer. The call itself can't be stopped; what still comes of it is dropped.
 * @throws what the call throws, and an Error that says how long was waited for whom
 */
export async function inTime<T>(who: string, ms: number, call: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${who} gave no answer within ${ms / 1000} s`)), ms);
  });
  try {
    return await Promise.race([call, late]);
  } finally {
    clearTimeout(timer);
  }
}
