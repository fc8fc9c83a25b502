import { readFileSync } from 'node:fs';
import { pids } from './machines/processes.js';

/**
 * Every process of a sandbox carries its state directory and its part's name in the environment. So it is found even when the supervisor was
 * killed between starting it and writing its id down.
 */
const VARIABLE = 'SANDBOX_COMPONENT';

/** Whose a process is. */
export interface Mark {
  readonly root: string;
  readonly component: string;
}

/** Environment that marks a process, and all it starts, as a part of the sandbox in `root`. */
export function markEnvironment({ root, component }: Mark): Record<string, string> {
  return { [VARIABLE]: `${component}:${root}` };
}

/** The mark of a process; undefined for one without, one that is gone, and one of another user. */
export function markOf(pid: number): Mark | undefined {
  const entry = environmentOf(pid).find((e) => e.startsWith(`${VARIABLE}=`));
  const [, component, root] = entry === undefined ? [] : (/=([^:]+):(.+)$/s.exec(entry) ?? []);
  return component === undefined || root === undefined ? undefined : { component, root };
}

/** Processes of the sandbox in `root` that run now, with the name of their part. */
export function markedProcesses(root: string): { pid: number; component: string }[] {
  return pids().flatMap((pid) => {
    const mark = markOf(pid);
    return mark?.root === root && pid !== process.pid ? [{ pid, component: mark.component }] : [];
  });
}

function environmentOf(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
  } catch {
    return []; // it ended, or is another user's
  }
}
