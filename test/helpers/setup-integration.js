// jest takes a test time-out from the command line or from here, not from a project's configuration.
import { jest } from '@jest/globals';

jest.setTimeout(180_000);
