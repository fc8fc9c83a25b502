import type { KubeadmConfig, KubeadmConfigTemplate } from '../types/index.js';
import type { AdmissionContext } from './context.js';
import { type Verdict, verdict } from './field-errors.js';
import { checkKubeadmConfigSpec } from './kubeadm-config-spec.js';
import { checkTemplateMetadata } from './object-fields.js';

/** Rules for one KubeadmConfig; a config may be changed, its Secret is not. */
export function validateKubeadmConfig(
  config: KubeadmConfig,
  _old: KubeadmConfig | undefined,
  ctx: AdmissionContext,
): Verdict {
  return verdict(checkKubeadmConfigSpec(config.spec ?? {}, 'spec', ctx, { controlPlane: false }));
}

/** Rules for one KubeadmConfigTemplate; upstream lets it change, though rollouts follow only a change of reference. */
export function validateKubeadmConfigTemplate(
  config: KubeadmConfigTemplate,
  _old: KubeadmConfigTemplate | undefined,
  ctx: AdmissionContext,
): Verdict {
  const template = config.spec?.template;
  return verdict([
    ...checkKubeadmConfigSpec(template?.spec ?? {}, 'spec.template.spec', ctx, { controlPlane: false }),
    ...checkTemplateMetadata(template?.metadata, 'spec.template.metadata'),
  ]);
}
