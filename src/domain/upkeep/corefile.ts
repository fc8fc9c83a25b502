import { PerdureError } from '../errors.js';

interface Token {
  readonly text: string;
  readonly line: number;
  readonly start: number;
  readonly end: number;
}

/** One directive of a Corefile: a server block, a plugin or an option, by depth. Offsets are into the text it was read from. */
export interface Directive {
  readonly name: string;
  readonly args: readonly Token[];
  /** Where its name begins, and where its last argument or its block ends. */
  readonly start: number;
  readonly end: number;
  /** Undefined without a block. */
  readonly body?: readonly Directive[];
}

/** A replacement of part of a text. */
export interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** The error for a Corefile that cannot be changed by a program. */
export function corefileProblem(object: string, problem: string): PerdureError {
  return new PerdureError(
    'InvalidConfiguration',
    `${object}: Corefile in ConfigMap kube-system/coredns of the workload cluster ${problem}; change it by hand, or keep CoreDNS yourself with annotation controlplane.cluster.x-k8s.io/skip-coredns on the control plane`,
    { details: { field: 'data.Corefile' } },
  );
}

/**
 * Reads a Corefile into its server blocks. Only what it says is kept, not what it means: any plugin passes. Throws `InvalidConfiguration` for
 * unbalanced braces and quotes, and for the form without braces. Source: coredns/caddy caddyfile lexer.
 */
export function parseCorefile(object: string, text: string): Directive[] {
  const reader = { object, tokens: tokensOf(object, text), at: 0 };
  const blocks: Directive[] = [];
  while (reader.at < reader.tokens.length) blocks.push(directive(reader, 0));
  const bare = blocks.find((b) => b.body === undefined && b.name !== 'import');
  if (bare) throw corefileProblem(object, `has server block "${bare.name}" without braces`);
  return blocks;
}

interface Reader {
  readonly object: string;
  readonly tokens: readonly Token[];
  at: number;
}

function directive(reader: Reader, depth: number): Directive {
  const first = reader.tokens[reader.at++];
  if (!first || isBrace(first, '{') || isBrace(first, '}')) {
    throw corefileProblem(reader.object, `has a brace out of place in line ${(first?.line ?? 0) + 1}`);
  }
  const args: Token[] = [];
  let last = first;
  for (let next = reader.tokens[reader.at]; next; next = reader.tokens[reader.at]) {
    // the addresses of a server block may go on after a comma
    if (next.line !== lineAfter(last) && !(depth === 0 && last.text.endsWith(','))) break;
    if (isBrace(next, '{') || isBrace(next, '}')) break;
    args.push(next);
    last = next;
    reader.at++;
  }
  const open = reader.tokens[reader.at];
  const named = { name: first.text, args, start: first.start };
  if (!open || !isBrace(open, '{') || open.line !== lineAfter(last)) return { ...named, end: last.end };
  reader.at++;
  const body: Directive[] = [];
  for (;;) {
    const next = reader.tokens[reader.at];
    if (!next) throw corefileProblem(reader.object, `has a block opened in line ${open.line + 1} and never closed`);
    if (isBrace(next, '}')) {
      reader.at++;
      return { ...named, end: next.end, body };
    }
    body.push(directive(reader, depth + 1));
  }
}

/** A quoted brace is an argument. */
const isBrace = (token: Token, brace: string): boolean => token.text === brace && token.end - token.start === 1;

/** The line a token ends in: a quoted one may have several. */
const lineAfter = (token: Token): number => token.line + (token.text.match(/\n/g)?.length ?? 0);

/** Words, quoted strings without their quotes; comments left out. A `#` inside a word is part of it. */
function tokensOf(object: string, text: string): Token[] {
  const tokens: Token[] = [];
  let line = 0;
  for (const match of text.matchAll(/\n|[^\S\n]+|#[^\n]*|"(?:\\.|[^"\\])*"|[^\s"][^\s]*|"/g)) {
    const [word] = match;
    const start = match.index;
    if (word === '"') throw corefileProblem(object, `has a quote in line ${line + 1} that is never closed`);
    if (word.startsWith('"')) {
      tokens.push({ text: word.slice(1, -1).replace(/\\"/g, '"'), line, start, end: start + word.length });
    } else if (/^[^\s#]/.test(word)) {
      tokens.push({ text: word, line, start, end: start + word.length });
    }
    line += word.match(/\n/g)?.length ?? 0;
  }
  return tokens;
}

/** The text with its edits made; they may not overlap. */
export function edited(text: string, edits: readonly Edit[]): string {
  const backwards = [...edits].sort((a, b) => b.start - a.start);
  return backwards.reduce((t, e) => t.slice(0, e.start) + e.text + t.slice(e.end), text);
}

/** Takes a directive out, with its whole line or lines where nothing else stands on them. */
export function removal(text: string, { start, end }: Directive): Edit {
  const lineStart = text.lastIndexOf('\n', start - 1) + 1;
  const lineEnd = text.indexOf('\n', end);
  const after = lineEnd < 0 ? text.length : lineEnd + 1;
  const alone = text.slice(lineStart, start).trim() === '' && /^\s*(#.*)?\s*$/.test(text.slice(end, after));
  return alone ? { start: lineStart, end: after, text: '' } : { start, end, text: '' };
}

/** What stands before a directive on its line, for others to stand the same way. */
export function indentOf(text: string, { start }: Directive): string {
  return /[^\S\n]*$/.exec(text.slice(0, start))?.[0] ?? '';
}
