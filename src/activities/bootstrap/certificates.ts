import type { Cluster, ClusterConfiguration, KubeObject } from '../../api/types/index.js';
import { KINDS } from '../../api/types/kinds.js';
import {
  CERTIFICATE_TITLES,
  type CertificatePems,
  type CertificatePlace,
  type CertificatePurpose,
  controlPlaneCertificates,
} from '../../domain/bootstrap/certificate-set.js';
import { ownerReference } from '../../domain/contract.js';
import { notYet, PerdureError } from '../../domain/errors.js';
import type { Kube } from '../../kube/kube.js';
import {
  checkAuthority,
  checkSigningKeys,
  generateCa,
  generateKeyPairPem,
  type KeyPair,
  parseCertificate,
} from './pki.js';
import { clusterSecret, createOrRead, ensureController, type Secret, secretText } from './secrets.js';

export interface CertificatesInput {
  readonly kube: Kube;
  readonly cluster: Cluster;
  /** Decides the directory, algorithm, validity and whether etcd is external. */
  readonly configuration: ClusterConfiguration | undefined;
  readonly signal?: AbortSignal;
}

const CERT_KEY = 'tls.crt';
const PRIVATE_KEY = 'tls.key';

/**
 * Makes the Secrets `<cluster>-{ca,etcd,proxy,sa}` exist and answers their contents. What is there by name is taken, whoever made it; what is
 * missing is generated and belongs to `owner`. Safe against a concurrent creator: the Secret that was first wins. Once the control plane is
 * initialized nothing is generated any more: a missing Secret throws `NotFound`, because a new CA would lock every machine out. A Secret
 * that cannot work throws `InvalidConfiguration`.
 */
export async function ensureCertificates(
  input: CertificatesInput & { readonly owner: KubeObject; readonly initialized: boolean; readonly now?: Date },
): Promise<CertificatePems> {
  const places = controlPlaneCertificates(input.configuration);
  const pems = await Promise.all(places.map(async (place) => [place.purpose, await ensureOne(input, place)] as const));
  return Object.fromEntries(pems);
}

async function ensureOne(input: Parameters<typeof ensureCertificates>[0], place: CertificatePlace): Promise<KeyPair> {
  const { kube, cluster, owner, signal } = input;
  const ref = secretRef(cluster, place.purpose);
  const existing = await kube.get<Secret>(KINDS.Secret, ref, signal);
  if (existing !== undefined)
    return pairOf(await ensureController(kube, existing, owner, cluster.metadata.name, signal), place);
  if (place.external || input.initialized) throw missing(cluster, place, input.initialized);
  const pair = await generate(place, input);
  const wanted = clusterSecret(ref, cluster.metadata.name, ownerReference(owner, { controller: true }), {
    [CERT_KEY]: pair.cert,
    [PRIVATE_KEY]: pair.key,
  });
  return pairOf((await createOrRead(kube, wanted, signal)).secret, place);
}

/**
 * Reads the certificates a machine needs, generating nothing. One that is missing throws `NotYet` while the control plane is being made,
 * `NotFound` afterwards or when the user has to bring it.
 */
export async function readCertificates(
  input: CertificatesInput & { readonly initialized: boolean },
  purposes?: readonly CertificatePurpose[],
): Promise<CertificatePems> {
  const places = controlPlaneCertificates(input.configuration).filter((p) => !purposes || purposes.includes(p.purpose));
  const pems = await Promise.all(
    places.map(async (place) => {
      const secret = await input.kube.get<Secret>(KINDS.Secret, secretRef(input.cluster, place.purpose), input.signal);
      if (secret === undefined) throw missing(input.cluster, place, input.initialized);
      return [place.purpose, pairOf(secret, place)] as const;
    }),
  );
  return Object.fromEntries(pems);
}

async function generate(
  place: CertificatePlace,
  input: { configuration: ClusterConfiguration | undefined; now?: Date },
): Promise<KeyPair> {
  const { encryptionAlgorithm: algorithm, caCertificateValidityPeriodDays: validityDays } = input.configuration ?? {};
  if (place.purpose === 'sa') return await generateKeyPairPem(algorithm);
  return await generateCa('kubernetes', { algorithm, validityDays, now: input.now });
}

function secretRef(cluster: Cluster, purpose: CertificatePurpose): { namespace: string; name: string } {
  return { namespace: cluster.metadata.namespace ?? '', name: `${cluster.metadata.name}-${purpose}` };
}

function missing(cluster: Cluster, place: CertificatePlace, initialized: boolean): PerdureError {
  const { namespace, name } = secretRef(cluster, place.purpose);
  const what = `secret ${namespace}/${name} (${CERTIFICATE_TITLES[place.purpose]})`;
  if (!place.external && !initialized) return notYet(`waiting for ${what}, which is made with the control plane`);
  const remedy = place.external
    ? 'create it: certificates of an external etcd are never generated'
    : 'restore it from a backup: it is not generated anew, since running machines would not trust it';
  return new PerdureError('NotFound', `${what} is missing; ${remedy}`, { details: { secret: `${namespace}/${name}` } });
}

function pairOf(secret: Secret, place: CertificatePlace): KeyPair {
  const what = `secret ${secret.metadata.namespace}/${secret.metadata.name} (${CERTIFICATE_TITLES[place.purpose]})`;
  const needed = (key: string): string => {
    const text = secretText(secret, key);
    if (text) return text;
    throw new PerdureError('InvalidConfiguration', `${what} has no key ${key}; add it with PEM text`, {
      details: { field: `data[${key}]` },
    });
  };
  const cert = needed(CERT_KEY);
  if (place.keyFile === undefined) {
    parseCertificate(`${what}, key ${CERT_KEY},`, cert);
    return { cert, key: '' };
  }
  const pair = { cert, key: needed(PRIVATE_KEY) };
  if (place.purpose === 'sa') checkSigningKeys(what, pair);
  else if (place.purpose !== 'apiserver-etcd-client') checkAuthority(what, pair);
  return pair;
}
