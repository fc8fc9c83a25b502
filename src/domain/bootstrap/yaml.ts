import { Document, Scalar, visit } from 'yaml';

/**
 * Deterministic YAML that every parser in the chain reads alike: cloud-init (YAML 1.1, after its Jinja pass over the raw text) and Go.
 *
 * - Words and numbers that YAML 1.1 would take for something else (`on`, `0640`, `12:30`) are quoted.
 * - Lines are never folded, so a Jinja expression stays on its line.
 * - Text with Jinja in it is written in the style that needs no escapes: `\"` inside `{{ }}` would break the template.
 */
export function toYaml(value: unknown, options: { readonly sortKeys?: boolean } = {}): string {
  const document = new Document(value, { sortMapEntries: options.sortKeys ?? false, aliasDuplicateObjects: false });
  visit(document, {
    Scalar(key, node) {
      if (typeof node.value === 'string') node.type = key === 'key' ? keyStyle(node.value) : valueStyle(node.value);
    },
  });
  const text = document.toString({ lineWidth: 0, minContentWidth: 0, blockQuote: 'literal' });
  // Left raw by the library, but line breaks or illegal for other parsers. They only stand in double quotes, where escapes work.
  return text.replace(LATE_ESCAPES, (char) => `\\u${(char.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`);
}

/** Characters that may stand bare anywhere, if the whole is not read as another type. */
const PLAIN = /^[A-Za-z/._][A-Za-z0-9 /._@+=-]*$/;
/** What YAML 1.1 reads as null, boolean or a number although it fits PLAIN. */
const WORD = /^(?:null|true|false|yes|no|on|off|y|n|\.inf|\.nan|\.\d.*)$/i;
/** What a literal block cannot carry: control characters, and line breaks that only some parsers see. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for.
const UNPRINTABLE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/;
const LATE_ESCAPES = /[\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/g;

function isPlain(text: string): boolean {
  return PLAIN.test(text) && !WORD.test(text) && !text.endsWith(' ');
}

function keyStyle(text: string): Scalar.Type {
  return isPlain(text) ? Scalar.PLAIN : Scalar.QUOTE_DOUBLE;
}

function valueStyle(text: string): Scalar.Type {
  if (isPlain(text)) return Scalar.PLAIN;
  if (UNPRINTABLE.test(text)) return Scalar.QUOTE_DOUBLE;
  if (text.includes('\n')) return fitsBlock(text) ? Scalar.BLOCK_LITERAL : Scalar.QUOTE_DOUBLE;
  if (!/["\\\t]/.test(text)) return Scalar.QUOTE_DOUBLE;
  if (!/['\t]/.test(text)) return Scalar.QUOTE_SINGLE;
  return /\{[{%#]/.test(text) && fitsBlock(text) ? Scalar.BLOCK_LITERAL : Scalar.QUOTE_DOUBLE;
}

/** A first line that begins blank needs an indentation indicator, and a blank last line is chomped: parsers disagree on both. */
function fitsBlock(text: string): boolean {
  return /^\S/.test(text) && !/\n[ \t]+$/.test(text);
}
