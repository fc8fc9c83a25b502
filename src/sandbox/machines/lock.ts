import { linkSync, rmSync, writeFileSync } from 'node:fs';
import { PerdureError } from '../../domain/errors.js';
import { isNodeError, readJson } from './files.js';
import { hostPaths } from './paths.js';
import { identityOf, isRunning, type ProcessIdentity } from './processes.js';
import { readIdentity } from './record.js';

/** The live process that holds a state directory's machines, if any. */
export function lockHolder(stateDir: string): ProcessIdentity | undefined {
  const identity = readIdentity(readJson(hostPaths(stateDir).lock));
  return identity && isRunning(identity) ? identity : undefined;
}

/** Takes the lock of a state directory for this process; a dead host's lock is replaced. Returns how to give it back. */
export function takeLock(stateDir: string): () => void {
  const path = hostPaths(stateDir).lock;
  const own = identityOf(process.pid);
  const pending = `${path}.${process.pid}`;
  writeFileSync(pending, JSON.stringify(own));
  try {
    for (let attempt = 0; attempt < 3; attempt++) {
      try {
        linkSync(pending, path);
        return () => rmSync(path, { force: true });
      } catch (error) {
        if (!isNodeError(error, 'EEXIST')) throw error;
      }
      const holder = lockHolder(stateDir);
      if (holder) throw held(stateDir, holder);
      rmSync(path, { force: true });
    }
  } finally {
    rmSync(pending, { force: true });
  }
  throw new PerdureError('Conflict', `cannot take ${path}: other processes keep taking it`);
}

function held(stateDir: string, holder: ProcessIdentity): PerdureError {
  return new PerdureError(
    'Conflict',
    `state directory ${stateDir} has a machine host already, process ${holder.pid}; stop it with perdure down, or use another --dir`,
  );
}
