export declare function withLock<T>(
  file: string,
  work: () => T | Promise<T>,
  options?: { onWait?: (file: string) => void; signal?: AbortSignal | undefined },
): Promise<T>;
