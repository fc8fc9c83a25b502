import { generateKeyPairSync } from 'node:crypto';
import { DescribeKeyPairsCommand, EC2Client, ImportKeyPairCommand } from '@aws-sdk/client-ec2';

/** Name of the key pair that Cluster API's AWS templates use when none is named. */
export const DEFAULT_KEY_PAIR = 'default';
export const SANDBOX_REGION = 'us-east-1';

/** What a user's account holds in a region before the first cluster: a key pair named `default`. Idempotent. */
export async function seedAws(endpoint: string, region = SANDBOX_REGION): Promise<void> {
  const ec2 = new EC2Client({
    endpoint,
    region,
    maxAttempts: 3,
    credentials: { accessKeyId: 'AKIASANDBOX000000000', secretAccessKey: 'sandbox' },
  });
  try {
    const { KeyPairs } = await ec2.send(
      new DescribeKeyPairsCommand({ Filters: [{ Name: 'key-name', Values: [DEFAULT_KEY_PAIR] }] }),
    );
    if ((KeyPairs ?? []).length > 0) return;
    const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const { n, e } = publicKey.export({ format: 'jwk' }) as { n: string; e: string };
    await ec2.send(
      new ImportKeyPairCommand({ KeyName: DEFAULT_KEY_PAIR, PublicKeyMaterial: Buffer.from(sshRsa(n, e)) }),
    );
  } finally {
    ec2.destroy();
  }
}

/** OpenSSH's text form of an RSA public key. Source: RFC 4253, section 6.6. */
function sshRsa(n: string, e: string): string {
  const field = (bytes: Buffer): Buffer => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    return Buffer.concat([length, bytes]);
  };
  const positive = (text: string): Buffer => {
    const bytes = Buffer.from(text, 'base64url');
    return (bytes[0] ?? 0) & 0x80 ? Buffer.concat([Buffer.from([0]), bytes]) : bytes;
  };
  return `ssh-rsa ${Buffer.concat([field(Buffer.from('ssh-rsa')), field(positive(e)), field(positive(n))]).toString('base64')} perdure-sandbox`;
}
