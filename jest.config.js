// Unit tests sit beside their source and need nothing running; integration tests start real servers; e2e tests boot machines.
const base = {
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      { jsc: { target: 'es2022', parser: { syntax: 'typescript' } }, module: { type: 'es6' } },
    ],
  },
};
// Upgrades, repairs and collections take many minutes: npm run e2e:upgrade, npm run e2e:heal, npm run e2e:gc.
const LONG = ['/test/e2e/(upgrade|heal|gc)\\.test\\.ts$'];
export default {
  projects: [
    {
      ...base,
      displayName: 'unit',
      setupFilesAfterEnv: ['<rootDir>/test/helpers/setup-unit.js'],
      roots: ['<rootDir>/src'],
      testPathIgnorePatterns: ['\\.int\\.test\\.ts$'],
    },
    {
      ...base,
      displayName: 'integration',
      setupFilesAfterEnv: ['<rootDir>/test/helpers/setup-integration.js'],
      roots: ['<rootDir>/src', '<rootDir>/test'],
      testMatch: [
        '<rootDir>/src/**/*.int.test.ts',
        '<rootDir>/test/{workflow,integration,conformance,replay}/**/*.test.ts',
      ],
    },
    {
      ...base,
      displayName: 'e2e-long',
      setupFilesAfterEnv: ['<rootDir>/test/helpers/setup-e2e.js'],
      roots: ['<rootDir>/test/e2e'],
      testRegex: LONG,
    },
    {
      ...base,
      displayName: 'e2e',
      setupFilesAfterEnv: ['<rootDir>/test/helpers/setup-e2e.js'],
      roots: ['<rootDir>/test/e2e'],
      testMatch: ['<rootDir>/test/e2e/**/*.test.ts'],
      testPathIgnorePatterns: LONG,
    },
  ],
};
