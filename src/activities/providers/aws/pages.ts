/** All items of all pages. */
export async function pages<T, K = string>(
  read: (token: K | undefined) => Promise<{ readonly items: readonly T[]; readonly next: K | undefined }>,
): Promise<T[]> {
  const all: T[] = [];
  let token: K | undefined;
  do {
    const { items, next } = await read(token);
    all.push(...items);
    token = next || undefined;
  } while (token);
  return all;
}

/** `items` in pieces of at most `size`. */
export function pieces<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, i) => items.slice(i * size, (i + 1) * size));
}
