import { describe, expect, test } from '@jest/globals';
import { allCommands, run } from '../../test/helpers/run-cli.js';
import { createProgram } from './program.js';

const commands = allCommands(createProgram()).filter(([words]) => words !== '');

describe('the command line', () => {
  test('has the commands that the book describes', () => {
    expect(commands.filter(([, c]) => c.commands.length === 0).map(([words]) => words)).toEqual([
      'up',
      'down',
      'status',
      'init',
      'generate cluster',
      'get kubeconfig',
      'get clusters',
      'scale',
      'delete cluster',
      'describe cluster',
      'plan',
      'gc enable',
      'gc disable',
      'gc configure',
      'gc plan',
      'gc run',
      'aws iam print-policy',
      'aws iam print-cloudformation',
      'aws iam apply',
      'aws iam delete',
      'operations list',
      'operations watch',
      'operations retry',
      'operations cancel',
      'demo',
    ]);
  });

  test.each(commands.map(([words]) => words))('%s --help has an example and ends with 0', async (words) => {
    const { code, stdout } = await run(...words.split(' '), '--help');
    expect(code).toBe(0);
    expect(stdout).toMatch(new RegExp(`\\nExamples?:\\n  \\$ .*perdure (${words}|ops list)`));
  });

  test('--version prints the version', async () => {
    expect(await run('--version')).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
  });

  test.each([
    [['nonsense'], "unknown command 'nonsense'"],
    [['get', 'nonsense'], "unknown command 'nonsense'"],
    [['status', '--nonsense'], "unknown option '--nonsense'"],
    [['get', 'kubeconfig'], "missing required argument 'cluster'"],
    [['scale', 'md/a'], "required option '--replicas <n>' not specified"],
    [['scale', 'md/a', '--replicas', 'many'], 'whole number of 0 or more'],
    [['up', '--ui-port', '65536'], 'whole number from 1 to 65535'],
    [['up', '--machines', 'virtual'], 'Allowed choices are native, none'],
    [['status', '-o', 'yaml'], 'Allowed choices are text, json'],
    [['generate', 'cluster', 'a', '--set', 'novalue'], 'It must be NAME=VALUE'],
  ])('%j is wrong use: exit code 2', async (args, message) => {
    const { code, stdout, stderr } = await run(...args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^error: /);
    expect(stderr).toContain(message);
  });

  test.each([
    [['get', 'clusters', '--kubeconfig', '/nowhere/config'], '/nowhere/config'],
    [['operations', 'list', '--dir', '/nowhere/sandbox'], 'no Temporal server: pass --temporal-address'],
    [['operations', 'retry', 'thing/a', '--dir', '/nowhere/sandbox'], 'thing/a is not KIND/NAME'],
    [['generate', 'cluster', 'a', '--flavor', 'exotic'], 'flavor exotic does not exist'],
    [['init', '--webhook-url', 'https://a'], '--webhook-url and --webhook-ca-file go together'],
  ])('%j fails: exit code 1 and one line', async (args, message) => {
    const { code, stdout, stderr } = await run(...args);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/^error: .*\n$/);
    expect(stderr).toContain(message);
  });
});
