// The X.509 library registers its parts through decorators, which need this polyfill before anything else is loaded.
import 'reflect-metadata';

import {
  createHash,
  createPrivateKey,
  createPublicKey,
  KeyObject,
  randomBytes,
  webcrypto,
  X509Certificate,
} from 'node:crypto';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  X509Certificate as IssuerCertificate,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
} from '@peculiar/x509';
import { PerdureError } from '../../domain/errors.js';

/** kubeadm's names for key algorithms. */
export type EncryptionAlgorithm = 'RSA-2048' | 'RSA-3072' | 'RSA-4096' | 'ECDSA-P256' | 'ECDSA-P384';

/** A certificate (or public key) and its private key, both PEM. Holds a secret: never log, return or throw it. */
export interface KeyPair {
  readonly cert: string;
  readonly key: string;
}

export interface AuthorityOptions {
  readonly algorithm?: EncryptionAlgorithm | undefined;
  /** Default 3650. */
  readonly validityDays?: number | undefined;
  readonly now?: Date | undefined;
}

export interface CertificateOptions {
  readonly commonName: string;
  readonly organization?: string;
  readonly usages: readonly ('client' | 'server')[];
  /** Names a server answers to. */
  readonly dns?: readonly string[];
  /** Addresses a server answers at. */
  readonly ips?: readonly string[];
  readonly algorithm?: EncryptionAlgorithm | undefined;
  /** Default 365. */
  readonly validityDays?: number | undefined;
  readonly now?: Date | undefined;
}

const DAY_MS = 86_400_000;
const CA_VALIDITY_DAYS = 3650;
const LEAF_VALIDITY_DAYS = 365;
/** Clocks of new machines may be behind ours. */
const BACKDATE_MS = 5 * 60_000;

type KeyAlgorithm = webcrypto.RsaHashedKeyGenParams | webcrypto.EcKeyGenParams;

function keyAlgorithm(name: EncryptionAlgorithm = 'RSA-2048'): KeyAlgorithm {
  if (name === 'ECDSA-P256' || name === 'ECDSA-P384') {
    return { name: 'ECDSA', namedCurve: name === 'ECDSA-P256' ? 'P-256' : 'P-384' };
  }
  const modulusLength = Number(name.slice('RSA-'.length));
  return { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256', publicExponent: new Uint8Array([1, 0, 1]), modulusLength };
}

async function generateKeys(algorithm: EncryptionAlgorithm | undefined): Promise<webcrypto.CryptoKeyPair> {
  return (await webcrypto.subtle.generateKey(keyAlgorithm(algorithm), true, [
    'sign',
    'verify',
  ])) as webcrypto.CryptoKeyPair;
}

/** PKCS #1 or SEC 1, the encodings kubeadm and upstream write. */
function privateKeyPem(key: webcrypto.CryptoKey): string {
  const object = KeyObject.from(key);
  return object.asymmetricKeyType === 'ec'
    ? object.export({ type: 'sec1', format: 'pem' }).toString()
    : object.export({ type: 'pkcs1', format: 'pem' }).toString();
}

/** 127 random bits: positive and never the same for two authorities of one name. */
function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x01;
  return bytes.toString('hex');
}

function validity(at: Date | undefined, days: number): { notBefore: Date; notAfter: Date } {
  const now = at ?? new Date();
  return { notBefore: new Date(now.getTime() - BACKDATE_MS), notAfter: new Date(now.getTime() + days * DAY_MS) };
}

function signatureHash(key: webcrypto.CryptoKey): string {
  return (key.algorithm as { namedCurve?: string }).namedCurve === 'P-384' ? 'SHA-384' : 'SHA-256';
}

const pem = (certificate: { toString(format: 'pem'): string }): string => `${certificate.toString('pem').trim()}\n`;

/** A new self-signed certificate authority. Source: capi util/secret/certificates.go newSelfSignedCACert, with a random serial number. */
export async function generateCa(commonName = 'kubernetes', options: AuthorityOptions = {}): Promise<KeyPair> {
  const keys = await generateKeys(options.algorithm);
  const certificate = await X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: [{ CN: [commonName] }],
    ...validity(options.now, options.validityDays ?? CA_VALIDITY_DAYS),
    signingAlgorithm: { name: keys.privateKey.algorithm.name, hash: signatureHash(keys.privateKey) },
    keys,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(
        KeyUsageFlags.digitalSignature | KeyUsageFlags.keyEncipherment | KeyUsageFlags.keyCertSign,
        true,
      ),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { cert: pem(certificate), key: privateKeyPem(keys.privateKey) };
}

/** A new key pair for service account tokens: `cert` is the public key. */
export async function generateKeyPairPem(algorithm?: EncryptionAlgorithm): Promise<KeyPair> {
  const keys = await generateKeys(algorithm);
  const cert = KeyObject.from(keys.publicKey).export({ type: 'spki', format: 'pem' }).toString();
  return { cert, key: privateKeyPem(keys.privateKey) };
}

/** A new certificate signed by `authority`, whose key may be in any PEM encoding. */
export async function issueCertificate(authority: KeyPair, options: CertificateOptions): Promise<KeyPair> {
  const issuer = new IssuerCertificate(parseCertificate('certificate authority', authority.cert).raw);
  const signingKey = await importSigningKey(authority.key);
  const keys = await generateKeys(options.algorithm);
  const issuerKeyId = issuer.getExtension(SubjectKeyIdentifierExtension)?.keyId;
  const certificate = await X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: [
      ...(options.organization === undefined ? [] : [{ O: [options.organization] }]),
      { CN: [options.commonName] },
    ],
    issuer: issuer.subjectName,
    ...validity(options.now, options.validityDays ?? LEAF_VALIDITY_DAYS),
    signingAlgorithm: { name: signingKey.algorithm.name, hash: signatureHash(signingKey) },
    publicKey: keys.publicKey,
    signingKey,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature | KeyUsageFlags.keyEncipherment, true),
      new ExtendedKeyUsageExtension(
        options.usages.map((u) => (u === 'client' ? ExtendedKeyUsage.clientAuth : ExtendedKeyUsage.serverAuth)),
      ),
      ...alternativeNames(options),
      ...(issuerKeyId === undefined ? [] : [new AuthorityKeyIdentifierExtension(issuerKeyId)]),
    ],
  });
  return { cert: pem(certificate), key: privateKeyPem(keys.privateKey) };
}

function alternativeNames({ dns = [], ips = [] }: CertificateOptions): SubjectAlternativeNameExtension[] {
  if (dns.length + ips.length === 0) return [];
  const names = [
    ...dns.map((value) => ({ type: 'dns' as const, value })),
    ...ips.map((value) => ({ type: 'ip' as const, value })),
  ];
  return [new SubjectAlternativeNameExtension(names)];
}

async function importSigningKey(key: string): Promise<webcrypto.CryptoKey> {
  const object = privateKey('certificate authority', key);
  const der = object.export({ type: 'pkcs8', format: 'der' });
  const curve = object.asymmetricKeyDetails?.namedCurve;
  const algorithm =
    object.asymmetricKeyType === 'ec'
      ? { name: 'ECDSA', namedCurve: curve === 'secp384r1' ? 'P-384' : 'P-256' }
      : { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' };
  return await webcrypto.subtle.importKey('pkcs8', der, algorithm, false, ['sign']);
}

/** The first certificate of a PEM text. `what` names it in the `InvalidConfiguration` thrown when there is none. */
export function parseCertificate(what: string, text: string): X509Certificate {
  try {
    return new X509Certificate(text);
  } catch {
    // OpenSSL's message says nothing a person can use, and may quote the input.
    throw new PerdureError(
      'InvalidConfiguration',
      `${what} is not a PEM certificate; put in a certificate or remove it`,
    );
  }
}

function privateKey(what: string, text: string): KeyObject {
  try {
    return createPrivateKey(text);
  } catch {
    throw new PerdureError('InvalidConfiguration', `the key of ${what} is not a PEM private key without passphrase`);
  }
}

/**
 * Refuses what cannot work: an authority that is none, or a key that belongs to another certificate. Throws `InvalidConfiguration` naming
 * `what`, never the contents.
 */
export function checkAuthority(what: string, pair: KeyPair): void {
  const certificate = parseCertificate(`${what}, key tls.crt,`, pair.cert);
  if (!certificate.ca) {
    throw new PerdureError(
      'InvalidConfiguration',
      `${what}, key tls.crt, is not a certificate authority: its basic constraints do not say CA; put in one that may sign`,
    );
  }
  if (!certificate.checkPrivateKey(privateKey(what, pair.key))) {
    throw new PerdureError(
      'InvalidConfiguration',
      `${what}: tls.key is not the key of the certificate in tls.crt; put in the matching pair`,
    );
  }
}

/** Refuses a service account pair whose public half does not belong to the private one. */
export function checkSigningKeys(what: string, pair: KeyPair): void {
  const own = createPublicKey(privateKey(what, pair.key)).export({ type: 'spki', format: 'der' });
  let stored: Buffer;
  try {
    stored = createPublicKey(pair.cert).export({ type: 'spki', format: 'der' });
  } catch {
    throw new PerdureError('InvalidConfiguration', `${what}, key tls.crt, is not a PEM public key`);
  }
  if (!own.equals(stored)) {
    throw new PerdureError(
      'InvalidConfiguration',
      `${what}: tls.key is not the key of the public key in tls.crt; put in the matching pair`,
    );
  }
}

/** kubeadm's pins of all certificates of a bundle: `sha256:` and the hex digest of the subject public key info. */
export function publicKeyPins(what: string, bundle: string): string[] {
  const certificates = bundle.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? [];
  if (certificates.length === 0) parseCertificate(what, bundle);
  return certificates.map((text) => {
    const spki = parseCertificate(what, text).publicKey.export({ type: 'spki', format: 'der' });
    return `sha256:${createHash('sha256').update(spki).digest('hex')}`;
  });
}

/** When the first certificate of a PEM text expires. */
export function expiryOf(what: string, text: string): Date {
  return new Date(parseCertificate(what, text).validTo);
}
