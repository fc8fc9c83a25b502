import type { KubeadmControlPlaneTemplate } from '../types/index.js';
import { type AdmissionContext, isTopologyDryRun } from './context.js';
import { type FieldError, forbidden, type Verdict, verdict } from './field-errors.js';
import { changedPaths, withoutEmpties } from './json.js';
import { checkKubeadmConfigSpec } from './kubeadm-config-spec.js';
import { checkClusterConfiguration, checkRollout } from './kubeadm-control-plane-spec.js';
import { checkNaming, checkTaints, checkTemplateMetadata } from './object-fields.js';

const PATH = 'spec.template.spec';

/** Templates are for ClusterClass only, so none can be made while that gate is off; a stored one cannot change. */
export function validateKubeadmControlPlaneTemplate(
  template: KubeadmControlPlaneTemplate,
  old: KubeadmControlPlaneTemplate | undefined,
  ctx: AdmissionContext,
): Verdict {
  if (old) return verdict(isTopologyDryRun(ctx, template) ? [] : checkUnchanged(old, template));
  if (!ctx.gates.ClusterTopology) {
    return verdict([forbidden('spec', 'ClusterClass is not supported yet: make a KubeadmControlPlane instead')]);
  }
  const { metadata, spec = {} } = template.spec?.template ?? {};
  const config = spec.kubeadmConfigSpec ?? {};
  const machine = spec.machineTemplate;
  const variables = { '.cluster.name': 'cluster', '.kubeadmControlPlane.name': 'kubeadmcontrolplane' };
  return verdict([
    ...checkRollout(spec.rollout, config.clusterConfiguration, undefined, PATH),
    ...checkNaming(spec.machineNaming?.template, `${PATH}.machineNaming`, variables),
    ...checkTaints(machine?.spec?.taints, `${PATH}.machineTemplate.spec.taints`, ctx, false),
    ...checkTemplateMetadata(machine?.metadata, `${PATH}.machineTemplate.metadata`),
    ...checkClusterConfiguration(
      config.clusterConfiguration,
      undefined,
      false,
      `${PATH}.kubeadmConfigSpec.clusterConfiguration`,
    ),
    ...checkKubeadmConfigSpec(config, `${PATH}.kubeadmConfigSpec`, ctx, { controlPlane: true }),
    ...checkTemplateMetadata(metadata, 'spec.template.metadata'),
  ]);
}

function checkUnchanged(old: KubeadmControlPlaneTemplate, template: KubeadmControlPlaneTemplate): FieldError[] {
  const before = withoutEmpties(old.spec?.template?.spec ?? {});
  const after = withoutEmpties(template.spec?.template?.spec ?? {});
  const changed = changedPaths(before, after).map((path) => path.join('.'));
  if (changed.length === 0) return [];
  return [forbidden(PATH, `cannot be modified (${changed.join(', ')}): make a new KubeadmControlPlaneTemplate`)];
}
