/**
 * Runs `work` for each item, at most `width` at a time, begun in order. After the first failure nothing more is begun; it is thrown once what was begun
 * has ended, so that no write happens after the caller went on.
 */
export async function inParallel<T>(
  items: readonly T[],
  width: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const queue = items.values();
  let failure: { readonly error: unknown } | undefined;
  const one = async (): Promise<void> => {
    for (const item of queue) {
      try {
        await work(item);
      } catch (error) {
        failure ??= { error };
      }
      if (failure) return;
    }
  };
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, one));
  if (failure) throw failure.error;
}
