import type { KubeadmControlPlane } from '../../../api/types/index.js';
import { KINDS } from '../../../api/types/kinds.js';
import { ANNOTATION } from '../../../domain/names.js';
import { type CoreDnsPlan, planCoreDns } from '../../../domain/upkeep/coredns.js';
import { corefileProblem } from '../../../domain/upkeep/corefile.js';
import { type ClusterRole, withEndpointSlices } from '../../../domain/upkeep/permissions.js';
import type { Kube } from '../../../kube/kube.js';
import { noteDnsImage } from './kubeadm-config.js';
import {
  type ConfigMap,
  changedMeanwhile,
  imageOf,
  type PodOwner,
  SYSTEM,
  titleOf,
  UPKEEP_MANAGER,
  withImage,
} from './parts.js';

const NAME = 'coredns';
const REF = { namespace: SYSTEM, name: NAME };
const COREFILE = 'Corefile';
const BACKUP = 'Corefile-backup';
const VOLUME = 'config-volume';

/** What was found, and what is to become of it. */
interface Update {
  readonly plan: CoreDnsPlan;
  readonly image: string;
  readonly corefile: string;
}

/** Whether CoreDNS is not what the control plane names. Throws `InvalidConfiguration` when it cannot be brought there. */
export async function isCoreDnsDue(
  workload: Kube,
  controlPlane: KubeadmControlPlane,
  signal: AbortSignal,
): Promise<boolean> {
  return (await planUpdate(workload, controlPlane, signal)) !== undefined;
}

/**
 * Brings CoreDNS to the image that the control plane names, its Corefile migrated and the previous one kept under key Corefile-backup, which the pods
 * read until the new image is set. Nothing is touched before the migration is known to work; killed anywhere, the next call goes on. Writes nothing
 * when nothing differs, when CoreDNS is not installed by kubeadm, or when told to skip it. Source: capi UpdateCoreDNS.
 */
export async function updateCoreDns(
  workload: Kube,
  controlPlane: KubeadmControlPlane,
  signal: AbortSignal,
): Promise<void> {
  const update = await planUpdate(workload, controlPlane, signal);
  if (update === undefined) return;
  const { plan } = update;
  await noteDnsImage(workload, controlPlane, signal);
  await setData(workload, { [BACKUP]: plan.previous }, update.corefile, signal);
  if (plan.corefile !== update.corefile) {
    await changeDeployment(workload, update, (d) => readingKey(d, BACKUP), signal);
    await setData(workload, { [COREFILE]: plan.corefile }, update.corefile, signal);
  }
  await workload.modify<ClusterRole>(KINDS.ClusterRole, { name: 'system:coredns' }, withEndpointSlices, {
    fieldManager: UPKEEP_MANAGER,
    signal,
  });
  await changeDeployment(workload, update, (d) => withImage(readingKey(d, COREFILE), NAME, plan.image), signal);
}

async function planUpdate(
  workload: Kube,
  controlPlane: KubeadmControlPlane,
  signal: AbortSignal,
): Promise<Update | undefined> {
  if (controlPlane.metadata.annotations?.[ANNOTATION.skipCoreDNS] !== undefined) return undefined;
  const configuration = controlPlane.spec.kubeadmConfigSpec?.clusterConfiguration;
  const { dns, imageRepository } = configuration ?? {};
  // most control planes leave it to kubeadm: not even a read
  if (!dns?.imageTag && !dns?.imageRepository && !imageRepository) return undefined;
  const [map, deployment] = await Promise.all([
    workload.get<ConfigMap>(KINDS.ConfigMap, REF, signal),
    workload.get<PodOwner>(KINDS.Deployment, REF, signal),
  ]);
  const image = imageOf(deployment, NAME);
  if (!map || !deployment || image === undefined) return undefined;
  const object = titleOf(controlPlane);
  const corefile = map.data?.[COREFILE];
  if (corefile === undefined) throw corefileProblem(object, 'is missing');
  const backup = map.data?.[BACKUP];
  const seen = { image, corefile, ...(backup === undefined ? {} : { backup }) };
  const plan = planCoreDns(object, configuration, seen, keysRead(deployment).includes(BACKUP));
  return plan && { plan, image, corefile };
}

async function setData(
  workload: Kube,
  data: Readonly<Record<string, string>>,
  expected: string,
  signal: AbortSignal,
): Promise<void> {
  const stored = await workload.modify<ConfigMap>(
    KINDS.ConfigMap,
    REF,
    (current) => {
      if (current.data?.[COREFILE] !== expected) throw changedMeanwhile('the Corefile');
      const same = Object.entries(data).every(([key, value]) => current.data?.[key] === value);
      return same ? undefined : { ...current, data: { ...current.data, ...data } };
    },
    { fieldManager: UPKEEP_MANAGER, signal },
  );
  if (!stored) throw changedMeanwhile(`ConfigMap ${SYSTEM}/${NAME}`);
}

async function changeDeployment(
  workload: Kube,
  { image }: Update,
  change: (deployment: PodOwner) => PodOwner,
  signal: AbortSignal,
): Promise<void> {
  const stored = await workload.modify<PodOwner>(
    KINDS.Deployment,
    REF,
    (current) => {
      if (imageOf(current, NAME) !== image) throw changedMeanwhile(`Deployment ${SYSTEM}/${NAME}`);
      return change(current);
    },
    { fieldManager: UPKEEP_MANAGER, signal },
  );
  if (!stored) throw changedMeanwhile(`Deployment ${SYSTEM}/${NAME}`);
}

/** Keys of the ConfigMap that the pods see. */
function keysRead(deployment: PodOwner): string[] {
  const volume = deployment.spec.template.spec.volumes?.find((v) => v.name === VOLUME);
  return (volume?.configMap?.items ?? []).map((item) => item.key);
}

/** The Deployment whose pods find `key` where they look for the Corefile. */
function readingKey(deployment: PodOwner, key: string): PodOwner {
  const { template } = deployment.spec;
  const volumes = (template.spec.volumes ?? []).map((volume) => {
    if (volume.name !== VOLUME || volume.configMap?.items === undefined) return volume;
    const items = volume.configMap.items.map((i) => (i.key === COREFILE || i.key === BACKUP ? { ...i, key } : i));
    return { ...volume, configMap: { ...volume.configMap, items } };
  });
  const spec = { ...template.spec, ...(template.spec.volumes ? { volumes } : {}) };
  return { ...deployment, spec: { ...deployment.spec, template: { ...template, spec } } };
}
