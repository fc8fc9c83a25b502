/** A span of time, milliseconds since the epoch. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** Where the wall time went, milliseconds; the parts add up to the whole. */
export interface Split {
  readonly wall: number;
  /** The cloud was changing a state: NAT gateways, load balancer, instances from pending to running. */
  readonly cloud: number;
  /** No such state was under way, and a machine was booting: from running to Ready node. */
  readonly boot: number;
  /** Neither: all that is left is ours, the API server's and Temporal's. */
  readonly own: number;
}

/** Spans cut to `whole`, merged where they overlap, in order. */
export function merge(spans: readonly Span[], whole: Span): Span[] {
  const merged: Span[] = [];
  const cut = spans.map(({ from, to }) => ({ from: Math.max(from, whole.from), to: Math.min(to, whole.to) }));
  for (const span of cut.filter((s) => s.to > s.from).sort((a, b) => a.from - b.from)) {
    const last = merged.at(-1);
    if (last && span.from <= last.to) merged[merged.length - 1] = { from: last.from, to: Math.max(last.to, span.to) };
    else merged.push(span);
  }
  return merged;
}

export const lengthOf = (spans: readonly Span[]): number => spans.reduce((sum, { from, to }) => sum + to - from, 0);

/** Splits `whole` by what was under way in it. */
export function split(whole: Span, cloud: readonly Span[], boot: readonly Span[]): Split {
  const busy = lengthOf(merge([...cloud, ...boot], whole));
  const inCloud = lengthOf(merge(cloud, whole));
  const wall = whole.to - whole.from;
  return { wall, cloud: inCloud, boot: busy - inCloud, own: wall - busy };
}
