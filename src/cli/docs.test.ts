import { expect, test } from '@jest/globals';
import { cliDoc, currentCliDoc } from './docs.js';

test("docs/book/cli.md is current; otherwise run 'node dist/cli/docs.js' after a build", () => {
  expect(currentCliDoc()).toBe(cliDoc());
});

test('every command has its section with a usage line and an example', () => {
  const sections = cliDoc().split('\n## ').slice(2);
  expect(sections.length).toBeGreaterThan(10);
  for (const section of sections) {
    const [title = ''] = section.split('\n');
    expect(section).toContain(`Usage: ${title}`);
    expect(section).toMatch(/Examples?:\n {2}\$ /);
  }
});
