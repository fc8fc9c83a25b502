import { jest } from '@jest/globals';
import type { Command } from 'commander';
import { createProgram, exitCode } from '../../src/cli/program.js';

/** What a command printed, and the code the process would have ended with. */
export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Every command of a program, itself included, with the words that call it. */
export function allCommands(command: Command, words: readonly string[] = []): (readonly [string, Command])[] {
  return [
    [words.join(' '), command],
    ...command.commands.flatMap((child) => allCommands(child, [...words, child.name()])),
  ];
}

/** Runs a command line in this process. For commands that need no server. */
export async function run(...args: readonly string[]): Promise<Ran> {
  const program = createProgram();
  // Thrown instead of ending the process.
  for (const [, command] of allCommands(program)) command.exitOverride();
  const printed = { stdout: '', stderr: '' };
  const spies = (['stdout', 'stderr'] as const).map((stream) =>
    jest.spyOn(process[stream], 'write').mockImplementation((text: unknown) => {
      printed[stream] += String(text);
      return true;
    }),
  );
  const before = process.exitCode;
  process.exitCode = 0;
  try {
    await program.parseAsync(['node', 'perdure', ...args]);
    return { code: Number(process.exitCode), ...printed };
  } catch (error) {
    return { code: exitCode(error as { code: string }), ...printed };
  } finally {
    process.exitCode = before;
    for (const spy of spies) spy.mockRestore();
  }
}
