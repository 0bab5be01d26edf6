/** Audio before everything else that this process does, where the system allows it. */
import { readlinkSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import { loadAddon } from '../net/native-addon.ts';

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

/** The least that Linux takes. A batch of packets is done in about that time. */
const sliceNs = 100_000;

/**
 * Lets the calling thread in at once when it wakes, before threads that compute: it asks for the shortest time at a
 * time, which every user may. It gets no more of the CPU for that.
 * @returns false without the addon, or where the system does not ask (Linux before 6.12)
 */
export function shortenSlice(): boolean {
  const loaded = loadAddon();
  return loaded.ok && loaded.addon.slice(sliceNs);
}
