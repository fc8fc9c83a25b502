import { PerdureError } from '../errors.js';

/** A container image reference taken apart: `<repository>/<name>:<tag>@<digest>`; what is not there is empty. */
export interface Image {
  readonly repository: string;
  readonly name: string;
  readonly tag: string;
  readonly digest: string;
}

const IMAGE =
  /^(?:(.+)\/)?([a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*)(?::(\w[\w.-]{0,127}))?(?:@(\w+:[0-9a-fA-F]{32,}))?$/;
const KUBE_PROXY = 'kube-proxy';

/** Takes an image reference apart; `object` names its holder in the `InvalidConfiguration` thrown for what is none. */
export function parseImage(object: string, image: string): Image {
  const parts = IMAGE.exec(image);
  if (!parts) {
    throw new PerdureError(
      'InvalidConfiguration',
      `${object} has image "${image}", which is no image reference; set one like registry.k8s.io/kube-proxy:v1.34.0`,
      { details: { field: 'image', value: image } },
    );
  }
  return { repository: parts[1] ?? '', name: parts[2] ?? '', tag: parts[3] ?? '', digest: parts[4] ?? '' };
}

/** The reference of an image. */
export function imageText({ repository, name, tag, digest }: Image): string {
  return `${repository === '' ? '' : `${repository}/`}${name}${tag && `:${tag}`}${digest && `@${digest}`}`;
}

/** The image tag of a version: what a tag may not contain becomes an underscore. Source: kubeadm KubernetesVersionToImageTag. */
export function imageTag(version: string): string {
  return version.replace(/[^-\w.]/g, '_');
}

/**
 * The image kube-proxy should have at `version`, taken from `repository` when one is given. An image of another name is somebody's own and stays.
 * Throws `InvalidConfiguration` for one that is pinned by digest, which no version can be given to. Source: capi UpdateKubeProxyImageInfo.
 */
export function kubeProxyImage(object: string, current: string, version: string, repository?: string): string {
  const image = parseImage(object, current);
  if (image.name !== KUBE_PROXY && !image.name.startsWith(`${KUBE_PROXY}-`)) return current;
  if (image.digest !== '') {
    throw new PerdureError(
      'InvalidConfiguration',
      `${object} has image ${current}, pinned by digest: it cannot be brought to ${version}; use a tag, or keep it yourself with annotation controlplane.cluster.x-k8s.io/skip-kube-proxy on the control plane`,
      { details: { field: 'image', value: current } },
    );
  }
  const from = repository ? repository.replace(/\/+$/, '') : image.repository;
  return imageText({ ...image, repository: from, tag: imageTag(version) });
}
