/**
 * The most there may be of something. A higher ceiling counts at once; a lower one only when what is there has come down to it, since it takes
 * effect while the rest is still on its way out.
 */
export class Ceiling {
  #limit = Number.POSITIVE_INFINITY;
  #wanted = Number.POSITIVE_INFINITY;

  /** Sets the ceiling; nothing is allowed less before `exceeds` saw so few. */
  allow(most: number): void {
    this.#wanted = most;
    this.#limit = Math.max(this.#limit, most);
  }

  /** The number that `count` is above, undefined when it is not. */
  exceeds(count: number): number | undefined {
    if (count <= this.#wanted) this.#limit = this.#wanted;
    return count > this.#limit ? this.#limit : undefined;
  }
}

/** One look at etcd: how many members vote, and how many of them answer a linearizable read. */
export interface QuorumLook {
  readonly voters: number;
  readonly healthy: number;
}

/** The first `row` looks one after another, from `from` on, in each of which fewer than a majority answered: one alone may be due to a busy host. */
export function lostQuorum(looks: readonly QuorumLook[], row: number, from = 0): readonly QuorumLook[] | undefined {
  for (let i = Math.max(0, from); i + row <= looks.length; i++) {
    const some = looks.slice(i, i + row);
    if (some.every(({ voters, healthy }) => healthy < Math.floor(voters / 2) + 1)) return some;
  }
  return undefined;
}
