/** What a template is to make. */
export interface Expectation {
  /**
   * `available`: every machine is a Node and the cluster is Available. `infrastructure`: what machines of the sandbox cannot show, such as IPv6; its infrastructure is
   * ready and the first control plane instance runs. With instances alone every template converges so.
   */
  readonly converges: 'available' | 'infrastructure';
  /** Why not `available`. */
  readonly because?: string;
  /** How many resources of each sort carry the cluster's id; sorts that are not named there are none of. */
  readonly inventory: Readonly<Record<string, number>>;
  /** Sorts of instances: their number is that of machines, which `infrastructure` does not wait for. */
  readonly machines: Readonly<Record<string, number>>;
}

/** Reads a declaration. Throws naming file and field. */
export function expectationOf(value: unknown, file: string): Expectation {
  const { converges = 'available', because, inventory = {}, machines = {} } = (value ?? {}) as Record<string, unknown>;
  if (converges !== 'available' && converges !== 'infrastructure')
    throw new Error(`${file}: converges: want available or infrastructure`);
  return {
    converges,
    ...(typeof because === 'string' ? { because } : {}),
    inventory: counts(inventory, `${file}: inventory`),
    machines: counts(machines, `${file}: machines`),
  };
}

function counts(value: unknown, where: string): Record<string, number> {
  const entries = Object.entries((value ?? {}) as object);
  const wrong = entries.find(([, count]) => !Number.isInteger(count) || count < 0);
  if (wrong) throw new Error(`${where}.${wrong[0]}: want a whole number`);
  return Object.fromEntries(entries) as Record<string, number>;
}

/** Comes and goes while machines boot. */
const PASSING = new Set(['secretsmanager/secret', 'ssm/parameter', 's3/object']);

/** One line for each sort of which there are more or fewer than declared. Pure. */
export function differences(
  expected: Expectation,
  found: Readonly<Record<string, number>>,
  everything: boolean,
): string[] {
  const wanted = { ...expected.inventory, ...(everything ? expected.machines : {}) };
  const ignored = everything ? [] : Object.keys(expected.machines);
  const sorts = [...new Set([...Object.keys(wanted), ...Object.keys(found)])].sort();
  return sorts
    .filter((sort) => !PASSING.has(sort) && !ignored.includes(sort))
    .flatMap((sort) => {
      const [want, have] = [wanted[sort] ?? 0, found[sort] ?? 0];
      return want === have ? [] : [`${sort}: declared ${want}, found ${have}`];
    });
}
