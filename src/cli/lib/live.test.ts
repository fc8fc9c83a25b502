import { expect, test } from '@jest/globals';
import { plainLines, terminalLines } from './live.js';

function written(): { readonly texts: string[]; write(text: string): void } {
  const texts: string[] = [];
  return { texts, write: (text) => void texts.push(text) };
}

test('on a terminal, lines are drawn over the last ones and ended ones stay above', () => {
  const { texts, write } = written();
  const lines = terminalLines(write);
  lines.draw(['a 1', 'b 1']);
  lines.draw(['b 2'], ['a done']);
  lines.draw([]);
  expect(texts).toEqual(['\u001b[Ja 1\nb 1\n', '\u001b[2A\u001b[Ja done\nb 2\n', '\u001b[1A\u001b[J']);
});

test('elsewhere, a line is printed when it is new', () => {
  const { texts, write } = written();
  const lines = plainLines(write);
  lines.draw(['a 1', 'b 1']);
  lines.draw(['a 1', 'b 2']);
  lines.draw(['a 2'], ['b done']);
  expect(texts.join('')).toBe('a 1\nb 1\nb 2\nb done\na 2\n');
});
