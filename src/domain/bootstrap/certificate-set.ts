import type { ClusterConfiguration } from '../../api/types/index.js';
import type { BootstrapFile } from './cloud-config.js';

/** Suffix of the Secret `<cluster>-<purpose>`. */
export type CertificatePurpose = 'ca' | 'etcd' | 'proxy' | 'sa' | 'apiserver-etcd-client';

export interface CertificatePlace {
  readonly purpose: CertificatePurpose;
  readonly certFile: string;
  /** Undefined where the key stays elsewhere. */
  readonly keyFile?: string | undefined;
  /** Brought by the user, never generated. */
  readonly external: boolean;
}

/** PEM texts by purpose. Holds secrets. */
export type CertificatePems = Partial<Record<CertificatePurpose, { readonly cert: string; readonly key: string }>>;

const DEFAULT_DIR = '/etc/kubernetes/pki';

/** For people, in errors. */
export const CERTIFICATE_TITLES: Readonly<Record<CertificatePurpose, string>> = {
  ca: 'cluster CA',
  etcd: 'etcd CA',
  proxy: 'front proxy CA',
  sa: 'service account keys',
  'apiserver-etcd-client': 'client certificate for the external etcd',
};

/**
 * The certificates of a control plane and where they lie on its machines, in the order they are written. With an external etcd its CA has no
 * key, and the API server's client certificate is brought by the user. Source: capi util/secret/certificates.go.
 */
export function controlPlaneCertificates(configuration: ClusterConfiguration | undefined): CertificatePlace[] {
  const dir = (configuration?.certificatesDir ?? DEFAULT_DIR).replace(/\/+$/, '');
  const pair = (purpose: CertificatePurpose, cert: string, key: string): CertificatePlace => ({
    purpose,
    certFile: `${dir}/${cert}`,
    keyFile: `${dir}/${key}`,
    external: false,
  });
  const external = configuration?.etcd?.external;
  const etcd: CertificatePlace = external
    ? { purpose: 'etcd', certFile: external.caFile, external: true }
    : pair('etcd', 'etcd/ca.crt', 'etcd/ca.key');
  const client: CertificatePlace[] = external
    ? [{ purpose: 'apiserver-etcd-client', certFile: external.certFile, keyFile: external.keyFile, external: true }]
    : [];
  return [
    pair('ca', 'ca.crt', 'ca.key'),
    etcd,
    pair('proxy', 'front-proxy-ca.crt', 'front-proxy-ca.key'),
    pair('sa', 'sa.pub', 'sa.key'),
    ...client,
  ];
}

/** The files on a control plane machine: certificates 0640, keys 0600. */
export function certificateFiles(places: readonly CertificatePlace[], pems: CertificatePems): BootstrapFile[] {
  return places.flatMap(({ purpose, certFile, keyFile }) => {
    const pem = pems[purpose];
    if (pem === undefined) return [];
    const cert = { path: certFile, owner: 'root:root', permissions: '0640', content: pem.cert };
    const key = { path: keyFile ?? '', owner: 'root:root', permissions: '0600', content: pem.key };
    return [cert, ...(keyFile && pem.key !== '' ? [key] : [])];
  });
}
