import type { KubeadmControlPlane } from '../../api/types/index.js';
import { changedPaths, withoutEmpties } from '../json.js';
import { ANNOTATION } from '../names.js';

/** Blocks that a control plane decides on in ConfigMap kubeadm-config, besides the version and the image repository. */
const SYNCED = new Set([
  'apiServer',
  'controllerManager',
  'scheduler',
  'etcd',
  'featureGates',
  'certificateValidityPeriodDays',
  'encryptionAlgorithm',
]);

type Configuration = NonNullable<NonNullable<KubeadmControlPlane['spec']['kubeadmConfigSpec']>['clusterConfiguration']>;

const configurationOf = ({ spec }: KubeadmControlPlane): Configuration | undefined =>
  spec.kubeadmConfigSpec?.clusterConfiguration;

/** A registry is the same with and without slashes at its end. */
const repositoryOf = (text: string | undefined): string => (text ?? '').replace(/\/+$/, '');

/** What a changed value is changed to; undefined when it stays, or goes: what was set once is then left as it is. */
const newValue = (before: string, after: string): string | undefined =>
  after !== '' && after !== before ? after : undefined;

/**
 * What ConfigMap kubeadm-config of the workload cluster is given before a machine of a new kind joins, for people; empty when nothing of it changes. dns is not among
 * it: that follows CoreDNS.
 */
export function kubeadmConfigChanges(live: KubeadmControlPlane, wanted: KubeadmControlPlane): string[] {
  const version = live.spec.version === wanted.spec.version ? [] : [`kubernetesVersion ${wanted.spec.version}`];
  const [before, after] = [configurationOf(live), configurationOf(wanted)];
  // without wishes only the version is kept up
  if (after === undefined) return version;
  const repository = newValue(repositoryOf(before?.imageRepository), repositoryOf(after.imageRepository));
  const fields = changedPaths(withoutEmpties(before ?? {}), withoutEmpties(after))
    .filter(([block]) => SYNCED.has(block ?? ''))
    .map((path) => path.join('.'));
  return [...version, ...(repository === undefined ? [] : [`imageRepository ${repository}`]), ...fields];
}

/** What of the add-ons that kubeadm installed once is brought up to date when all machines are, for people; empty when nothing is. */
export function addonChanges(live: KubeadmControlPlane, wanted: KubeadmControlPlane): string[] {
  const skips = (annotation: string): boolean => wanted.metadata.annotations?.[annotation] !== undefined;
  return [
    ...(skips(ANNOTATION.skipKubeProxy) ? [] : kubeProxyChange(live, wanted)),
    ...(skips(ANNOTATION.skipCoreDNS) ? [] : coreDnsChange(live, wanted)),
  ];
}

const from = (repository: string | undefined): string => (repository === undefined ? '' : ` from ${repository}`);

function kubeProxyChange(live: KubeadmControlPlane, wanted: KubeadmControlPlane): string[] {
  const [before, after] = [live, wanted].map((k) => repositoryOf(configurationOf(k)?.imageRepository)) as [
    string,
    string,
  ];
  const repository = newValue(before, after);
  if (live.spec.version === wanted.spec.version && repository === undefined) return [];
  return [`kube-proxy to ${wanted.spec.version}${from(repository)}`];
}

function coreDnsChange(live: KubeadmControlPlane, wanted: KubeadmControlPlane): string[] {
  const imageOf = (k: KubeadmControlPlane) => {
    const configuration = configurationOf(k);
    const { imageRepository, imageTag = '' } = configuration?.dns ?? {};
    return { repository: repositoryOf(imageRepository || configuration?.imageRepository), tag: imageTag };
  };
  const [before, after] = [imageOf(live), imageOf(wanted)];
  const repository = newValue(before.repository, after.repository);
  const tag = newValue(before.tag, after.tag);
  if (repository === undefined && tag === undefined) return [];
  return [`CoreDNS${tag === undefined ? '' : ` to ${tag}`}${from(repository)}`, ...notedDns(live, wanted)];
}

/** Which image CoreDNS was given is noted for who runs kubeadm by hand, where `dns` itself names it. */
function notedDns(live: KubeadmControlPlane, wanted: KubeadmControlPlane): string[] {
  const text = (k: KubeadmControlPlane): string => {
    const { imageRepository = '', imageTag = '' } = configurationOf(k)?.dns ?? {};
    return `${imageRepository}:${imageTag}`;
  };
  return text(live) === text(wanted) ? [] : ['dns of kubeadm-config'];
}
