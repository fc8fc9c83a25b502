import { hasCode, isAbsent } from './errors.js';
import type { MachineScope } from './machine-scope.js';

/** Bytes of console kept. */
const LIMIT = 2_048;

const SECRETS: readonly RegExp[] = [
  /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(-----END [A-Z ]*PRIVATE KEY-----|$)/g,
  // Bootstrap tokens, certificate keys and long base64, such as keys and kubeconfig data.
  /\b[a-z0-9]{6}\.[a-z0-9]{16}\b/g,
  /\b[0-9a-f]{64}\b/g,
  /[A-Za-z0-9+/]{80,}={0,2}/g,
];

/** Console text without what looks like a secret and without terminal control; its last 2 kB. */
export function cleanConsole(text: string): string {
  let clean = text;
  for (const pattern of SECRETS) clean = clean.replace(pattern, '***');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is to go.
  clean = clean.replace(/\u001b\[[0-9;?]*[A-Za-z]/g, '').replace(/[\u0000-\u0008\u000b-\u001f]/g, '');
  return clean.trimEnd().slice(-LIMIT);
}

/** Last lines of the instance's console; undefined when AWS has none or does not show it to us. */
export async function readConsole({ aws }: MachineScope, instanceId: string): Promise<string | undefined> {
  try {
    const { Output } = await aws.ec2.getConsoleOutput({ InstanceId: instanceId });
    const text = cleanConsole(Buffer.from(Output ?? '', 'base64').toString());
    return text || undefined;
  } catch (error) {
    // A courtesy: what is told about the instance must not depend on it.
    if (isAbsent(error) || hasCode(error, 'UnauthorizedOperation', 'UnsupportedOperation', 'IncorrectInstanceState'))
      return undefined;
    throw error;
  }
}
