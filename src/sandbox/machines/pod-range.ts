import { gunzipSync } from 'node:zlib';
import { DEFAULT_POD_RANGE, parseCidr } from './network/addresses.js';

const GZIP_MAGIC = Buffer.from([0x1f, 0x8b]);
const POD_SUBNET = /\bpodSubnet:\s*["']?(\d{1,3}(?:\.\d{1,3}){3}\/\d{1,2})/;
const CLUSTER_TAGS = ['sigs.k8s.io/cluster-api-provider-aws/cluster/', 'kubernetes.io/cluster/'];
const LARGEST_USER_DATA = 8 << 20;

/**
 * The IPv4 pod range a cluster's kubeadm configuration names, when it stands readable in the user data of its first control plane. A payload
 * that is fetched at boot hides it; then the machines use the default range, which works as well since their CNI masquerades towards services.
 */
export function podRangeIn(userData: Buffer): string | undefined {
  const found = POD_SUBNET.exec(unpack(userData).toString('latin1'))?.[1];
  if (found === undefined) return undefined;
  try {
    return parseCidr(found).prefix <= 24 ? found : undefined;
  } catch {
    return undefined; // looks like a CIDR, is none: kubeadm will say so on the machine
  }
}

/** Name of the cluster an instance belongs to, by the tags Cluster API puts on it. */
export function clusterOf(tags: Readonly<Record<string, string>>): string | undefined {
  for (const prefix of CLUSTER_TAGS) {
    const key = Object.keys(tags).find((tag) => tag.startsWith(prefix));
    if (key !== undefined) return key.slice(prefix.length);
  }
  return undefined;
}

/** Remembers the pod range of each cluster of each VPC from the first machine that shows it. */
export class PodRanges {
  readonly #ranges = new Map<string, string>();

  rangeFor(vpcId: string, tags: Readonly<Record<string, string>>, userData: Buffer): string {
    const key = `${vpcId}/${clusterOf(tags) ?? ''}`;
    const own = podRangeIn(userData);
    if (own !== undefined) this.#ranges.set(key, own);
    return this.#ranges.get(key) ?? DEFAULT_POD_RANGE;
  }
}

function unpack(userData: Buffer): Buffer {
  if (!userData.subarray(0, 2).equals(GZIP_MAGIC)) return userData;
  try {
    return gunzipSync(userData, { maxOutputLength: LARGEST_USER_DATA });
  } catch {
    return userData; // damaged: cloud-init will complain on the machine's console
  }
}
