/** Why a group cannot have that many instances, which somebody has to change; undefined when it can. */
export function poolSizeProblem(
  { minSize, maxSize }: { readonly minSize: number; readonly maxSize: number },
  replicas: number,
): string | undefined {
  if (replicas >= minSize && replicas <= maxSize) return undefined;
  return `spec.replicas ${replicas} of its MachinePool is not between spec.minSize ${minSize} and spec.maxSize ${maxSize}; change one of them`;
}
