/** Audio before everything else that this process does, where the system allows it. */
import { readlinkSync } from 'node:fs';
import { constants, setPriority } from 'node:os';

/**
 * Raises the calling thread above its siblings (Linux: as root, or with CAP_SYS_NICE or `ulimit -e`).
 * @returns false where that is not allowed, or threads have no priority of their own: all is as it was
 */
export function raiseThread(): boolean {
  try {
    // `<pid>/task/<tid>`; the number of a thread names that thread alone.
    const tid = Number(readlinkSync('/proc/thread-self').split('/').at(-1));
    setPriority(tid, constants.priority.PRIORITY_HIGH);
    return true;
  } catch {
    return false;
  }
}
