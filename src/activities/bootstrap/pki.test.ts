import { createPrivateKey, createPublicKey, KeyObject, X509Certificate } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import {
  checkAuthority,
  checkSigningKeys,
  type EncryptionAlgorithm,
  expiryOf,
  generateCa,
  generateKeyPairPem,
  issueCertificate,
  publicKeyPins,
} from './pki.js';

const now = new Date('2026-01-02T03:04:05Z');
const DAY = 86_400_000;

describe('authorities', () => {
  test.each<[EncryptionAlgorithm | undefined, string, string, object]>([
    [undefined, 'RSA PRIVATE KEY', 'rsa', { modulusLength: 2048 }],
    ['RSA-3072', 'RSA PRIVATE KEY', 'rsa', { modulusLength: 3072 }],
    ['ECDSA-P256', 'EC PRIVATE KEY', 'ec', { namedCurve: 'prime256v1' }],
    ['ECDSA-P384', 'EC PRIVATE KEY', 'ec', { namedCurve: 'secp384r1' }],
  ])('%s: certificate and key belong together and verify themselves', async (algorithm, header, type, details) => {
    const pair = await generateCa('kubernetes', { algorithm, validityDays: 3650, now });
    const certificate = new X509Certificate(pair.cert);
    expect(certificate.ca).toBe(true);
    expect(certificate.subject).toBe('CN=kubernetes');
    expect(certificate.issuer).toBe('CN=kubernetes');
    expect(certificate.verify(certificate.publicKey)).toBe(true);
    expect(new Date(certificate.validFrom)).toEqual(new Date(now.getTime() - 300_000));
    expect(new Date(certificate.validTo)).toEqual(new Date(now.getTime() + 3650 * DAY));
    expect(pair.key).toContain(`-----BEGIN ${header}-----`);
    expect(pair.cert.endsWith('-----END CERTIFICATE-----\n')).toBe(true);
    const key = createPrivateKey(pair.key);
    expect(key.asymmetricKeyType).toBe(type);
    expect(key.asymmetricKeyDetails).toMatchObject(details);
    expect(() => checkAuthority('secret', pair)).not.toThrow();
  });

  test('two authorities never share a serial number', async () => {
    const make = () => generateCa('kubernetes', { algorithm: 'ECDSA-P256', validityDays: 1, now });
    const [a, b] = await Promise.all([make(), make()]);
    expect(new X509Certificate(a.cert).serialNumber).not.toBe(new X509Certificate(b.cert).serialNumber);
  });

  test('a key of another certificate, a leaf and garbage are refused without quoting them', async () => {
    const a = await generateCa('kubernetes', { algorithm: 'ECDSA-P256', validityDays: 1, now });
    const b = await generateCa('kubernetes', { algorithm: 'ECDSA-P256', validityDays: 1, now });
    const leaf = await issueCertificate(a, {
      commonName: 'x',
      usages: ['client'],
      algorithm: 'ECDSA-P256',
      validityDays: 1,
      now,
    });
    expect(() => checkAuthority('secret ns/c-ca', { cert: a.cert, key: b.key })).toThrow(
      /secret ns\/c-ca: tls.key is not the key/,
    );
    expect(() => checkAuthority('secret ns/c-ca', leaf)).toThrow(/not a certificate authority/);
    expect(() => checkAuthority('secret ns/c-ca', { cert: 'hunter2', key: a.key })).toThrow(
      /^(?!.*hunter2).*PEM certificate/,
    );
    expect(() => checkAuthority('secret ns/c-ca', { cert: a.cert, key: 'hunter2' })).toThrow(
      /^(?!.*hunter2).*PEM private key/,
    );
  });
});

describe('client certificates', () => {
  test.each<[EncryptionAlgorithm, EncryptionAlgorithm]>([
    ['RSA-2048', 'ECDSA-P256'],
    ['ECDSA-P384', 'RSA-2048'],
  ])('signed by a %s authority for a %s key', async (ca, leaf) => {
    const authority = await generateCa('kubernetes', { algorithm: ca, validityDays: 3650, now });
    const pair = await issueCertificate(authority, {
      commonName: 'kubernetes-admin',
      organization: 'system:masters',
      usages: ['client'],
      algorithm: leaf,
      validityDays: 365,
      now,
    });
    const certificate = new X509Certificate(pair.cert);
    const issuer = new X509Certificate(authority.cert);
    expect(certificate.checkIssued(issuer)).toBe(true);
    expect(certificate.verify(issuer.publicKey)).toBe(true);
    expect(certificate.subject).toBe('O=system:masters\nCN=kubernetes-admin');
    expect(certificate.ca).toBe(false);
    expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.2']);
    expect(certificate.checkPrivateKey(createPrivateKey(pair.key))).toBe(true);
    expect(expiryOf('it', pair.cert)).toEqual(new Date(now.getTime() + 365 * DAY));
  });

  test('a server certificate carries its names and addresses', async () => {
    const authority = await generateCa('test', { algorithm: 'ECDSA-P256', now });
    const usages = ['server', 'client'] as const;
    const pair = await issueCertificate(authority, {
      commonName: 's',
      usages,
      dns: ['localhost'],
      ips: ['127.0.0.1', '::1'],
      now,
    });
    const certificate = new X509Certificate(pair.cert);
    expect(certificate.checkHost('localhost')).toBe('localhost');
    expect(certificate.checkIP('127.0.0.1')).toBe('127.0.0.1');
    expect(certificate.checkIP('::1')).toBe('::1');
    expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2']);
  });

  test('takes an authority whose key is PKCS #8', async () => {
    const authority = await generateCa('kubernetes', { algorithm: 'ECDSA-P256', validityDays: 1, now });
    const key = createPrivateKey(authority.key).export({ type: 'pkcs8', format: 'pem' }).toString();
    const pair = await issueCertificate(
      { cert: authority.cert, key },
      { commonName: 'c', usages: ['client'], algorithm: 'ECDSA-P256', validityDays: 1, now },
    );
    expect(new X509Certificate(pair.cert).verify(new X509Certificate(authority.cert).publicKey)).toBe(true);
  });
});

test('service account keys are a pair', async () => {
  const pair = await generateKeyPairPem('ECDSA-P256');
  const other = await generateKeyPairPem('ECDSA-P256');
  expect(createPublicKey(pair.cert)).toBeInstanceOf(KeyObject);
  expect(() => checkSigningKeys('secret', pair)).not.toThrow();
  expect(() => checkSigningKeys('secret ns/c-sa', { cert: other.cert, key: pair.key })).toThrow(
    /secret ns\/c-sa: tls.key/,
  );
});

test('pins are the digests of the public keys of all certificates, as kubeadm computes them', async () => {
  const a = await generateCa('kubernetes', { algorithm: 'ECDSA-P256', validityDays: 1, now });
  const b = await generateCa('kubernetes', { algorithm: 'ECDSA-P256', validityDays: 1, now });
  const pins = publicKeyPins('ca', a.cert + b.cert);
  expect(pins).toHaveLength(2);
  expect(pins[0]).toMatch(/^sha256:[0-9a-f]{64}$/);
  expect(publicKeyPins('ca', a.cert)).toEqual([pins[0]]);
  expect(() => publicKeyPins('secret ns/c-ca', 'nothing')).toThrow(/secret ns\/c-ca/);
});
