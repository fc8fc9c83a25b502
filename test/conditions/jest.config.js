// The tests as they are, with the functions that make conditions watched; only for npm run conditions:coverage.
import path from 'node:path';
import base from '../../jest.config.js';

const root = path.resolve(import.meta.dirname, '../..');
const transform = path.join(import.meta.dirname, 'transform.js');

export default {
  rootDir: root,
  projects: base.projects
    .filter((project) => !project.displayName.startsWith('e2e'))
    .map((project) => ({
      ...project,
      rootDir: root,
      transform: Object.fromEntries(
        Object.entries(project.transform).map(([pattern, [, options]]) => [pattern, [transform, options]]),
      ),
    })),
};
