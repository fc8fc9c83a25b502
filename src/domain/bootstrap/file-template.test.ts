import { describe, expect, test } from '@jest/globals';
import { renderFileTemplate } from './file-template.js';
import { resolvedFile } from './files.js';

const data = { controlPlaneVersion: 'v1.34.4' };
const render = (text: string) => renderFileTemplate('f', text, data);

describe('renderFileTemplate', () => {
  test.each([
    ['plain { } text', 'plain { } text'],
    ['a {{ .controlPlane.version }} b', 'a v1.34.4 b'],
    ['{{.controlPlane.version}}{{.controlPlane.version}}', 'v1.34.4v1.34.4'],
    ['a \n {{- .controlPlane.version -}} \n b', 'av1.34.4b'],
    ['{{/* a comment */}}x', 'x'],
    ['{{ "{{" }} ds.x {{ `}}` }}', '{{ ds.x }}'],
  ])('%j gives %j', (template, text) => {
    expect(render(template)).toBe(text);
  });

  test.each([
    ['{{ if .controlPlane }}x{{ end }}', /\{\{ if \.controlPlane \}\} is not supported; only/],
    ['{{ .controlPlane.name }}', /is not supported/],
    ['{{ .controlPlane.version', /a \{\{ without a \}\}; close it/],
  ])('%j is refused with the action', (template, message) => {
    expect(() => render(template)).toThrow(message);
  });

  test('a version that is not known is an error, not an empty string', () => {
    expect(() => renderFileTemplate('f', '{{ .controlPlane.version }}', { controlPlaneVersion: undefined })).toThrow(
      /has no control plane version/,
    );
  });
});

describe('resolvedFile', () => {
  test('a template from a Secret is evaluated', () => {
    const file = { path: '/a', contentFormat: 'Template', contentFrom: { secret: { name: 's', key: 'k' } } } as const;
    expect(resolvedFile('f', file, Buffer.from('{{ .controlPlane.version }}'), data).content).toBe('v1.34.4');
    expect(() => resolvedFile('f', file, Buffer.from([0, 1]), data)).toThrow(/needs text/);
  });

  test.each([
    [undefined, 'base64'],
    ['base64', 'base64'],
    ['gzip', 'gzip+base64'],
    ['gzip+base64', 'gzip+base64'],
  ] as const)('binary bytes with encoding %s travel as %s', (encoding, sent) => {
    const bytes = Buffer.from([0x1f, 0x8b, 0, 255]);
    const file = resolvedFile('f', { path: '/a', ...(encoding ? { encoding } : {}) }, bytes, data);
    expect(file).toMatchObject({ encoding: sent, content: bytes.toString('base64') });
  });

  test('text keeps its encoding', () => {
    expect(resolvedFile('f', { path: '/a', encoding: 'base64' }, Buffer.from('aGk='), data)).toMatchObject({
      encoding: 'base64',
      content: 'aGk=',
    });
    expect(resolvedFile('f', { path: '/a', content: '{{ x }}' }, undefined, data).content).toBe('{{ x }}');
  });
});
