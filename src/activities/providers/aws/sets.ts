/** True when both hold the same values, in whatever order; absent counts as empty. */
export function sameSet(a: readonly string[] | undefined, b: readonly string[] | undefined): boolean {
  return [...(a ?? [])].sort().join() === [...(b ?? [])].sort().join();
}
