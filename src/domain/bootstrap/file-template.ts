import { PerdureError } from '../errors.js';

/** What templates of files may refer to. */
export interface TemplateData {
  /** Version of the control plane, with `v`; undefined when the cluster has no control plane object or it has no version. */
  readonly controlPlaneVersion: string | undefined;
}

/** An action: trim marker, then comment, strings (which may hold braces) or anything else, then trim marker. */
const ACTION = /\{\{(-\s)?((?:\/\*[\s\S]*?\*\/|`[^`]*`|"(?:[^"\\]|\\.)*"|[^}"`]|\}(?!\}))*?)(\s-)?\}\}/g;
const RENDERED_LIMIT = 1 << 20;

/**
 * Evaluates the part of Go's template language that files with `contentFormat: Template` need: `{{ .controlPlane.version }}`, quoted
 * strings (`{{ "{{" }}` writes braces for cloud-init's Jinja), comments, and the trim markers `{{-` and `-}}`. Anything else throws
 * `InvalidConfiguration` naming `what` and the action.
 */
export function renderFileTemplate(what: string, template: string, data: TemplateData): string {
  let rendered = '';
  let at = 0;
  let trimNext = false;
  const add = (text: string, trimEnd: boolean): void => {
    const start = trimNext ? text.trimStart() : text;
    rendered += trimEnd ? start.trimEnd() : start;
  };
  for (const match of template.matchAll(ACTION)) {
    const [whole, trimBefore, action = '', trimAfter] = match;
    add(template.slice(at, match.index), trimBefore !== undefined);
    rendered += evaluate(what, action.trim(), data);
    trimNext = trimAfter !== undefined;
    at = match.index + whole.length;
  }
  const rest = template.slice(at);
  if (rest.includes('{{')) throw invalid(what, 'it has a {{ without a }}', 'close it');
  add(rest, false);
  if (Buffer.byteLength(rendered) > RENDERED_LIMIT)
    throw invalid(what, `it renders to more than ${RENDERED_LIMIT} bytes`, 'make it shorter');
  return rendered;
}

function evaluate(what: string, action: string, data: TemplateData): string {
  if (action.startsWith('/*') && action.endsWith('*/')) return '';
  const raw = /^`([^`]*)`$/.exec(action);
  if (raw) return raw[1] ?? '';
  if (/^"(?:[^"\\]|\\.)*"$/.test(action)) return unquoted(what, action);
  if (action !== '.controlPlane.version') {
    throw invalid(
      what,
      `{{ ${action.slice(0, 80)} }} is not supported`,
      'only {{ .controlPlane.version }} and quoted strings are',
    );
  }
  if (data.controlPlaneVersion === undefined) {
    throw invalid(
      what,
      'the cluster has no control plane version for {{ .controlPlane.version }}',
      'remove it or set spec.controlPlaneRef',
    );
  }
  return data.controlPlaneVersion;
}

function unquoted(what: string, action: string): string {
  try {
    return JSON.parse(action) as string;
  } catch {
    throw invalid(what, `${action.slice(0, 80)} is not a string that is understood`, 'use backquotes');
  }
}

function invalid(what: string, problem: string, remedy: string): PerdureError {
  return new PerdureError('InvalidConfiguration', `${what}: contentFormat Template: ${problem}; ${remedy}`);
}
