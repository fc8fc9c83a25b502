import type { KubeadmFile } from '../../api/types/index.js';
import { PerdureError } from '../errors.js';
import type { BootstrapFile } from './cloud-config.js';
import { renderFileTemplate, type TemplateData } from './file-template.js';

/** What a Secret holds as text that YAML can carry; everything else goes base64. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for.
const BINARY = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/;

/**
 * The file to write, from its entry in spec.files and, where `contentFrom` names a Secret, the bytes found there. Binary bytes are carried in
 * base64. Throws `InvalidConfiguration` for a template that cannot be evaluated. `what` names the entry.
 */
export function resolvedFile(
  what: string,
  file: KubeadmFile,
  secret: Buffer | undefined,
  data: TemplateData,
): BootstrapFile {
  const { path, owner, permissions, append } = file;
  const common = { path, owner, permissions, append };
  if (secret === undefined) {
    return { ...common, encoding: file.encoding, content: templated(what, file, file.content ?? '', data) };
  }
  const text = secret.toString('utf8');
  const isText = Buffer.from(text).equals(secret) && !BINARY.test(text);
  if (isText) return { ...common, encoding: file.encoding, content: templated(what, file, text, data) };
  if (file.contentFormat === 'Template') {
    throw new PerdureError(
      'InvalidConfiguration',
      `${what}: contentFormat Template needs text, but the Secret's key holds binary data; put text there or remove contentFormat`,
    );
  }
  const encoding = file.encoding === 'gzip' || file.encoding === 'gzip+base64' ? 'gzip+base64' : 'base64';
  return { ...common, encoding, content: secret.toString('base64') };
}

function templated(what: string, file: KubeadmFile, content: string, data: TemplateData): string {
  return file.contentFormat === 'Template' ? renderFileTemplate(what, content, data) : content;
}
