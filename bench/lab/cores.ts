/** CPU time as the kernel counts it: of one process, and of the two cores that the bench uses. */
import { readdirSync, readFileSync } from 'node:fs';

/** What is measured runs on core 0; the load, and the bench itself, on core 1. */
export const serverCore = 0;
export const loadCore = 1;

/** CPU time of all threads of a process, in nanoseconds; undefined when it is gone. */
export function cpuNanos(pid: number): number | undefined {
  try {
    let sum = 0;
    for (const task of readdirSync(`/proc/${pid}/task`)) sum += taskNanos(pid, task);
    return sum;
  } catch {
    return undefined;
  }
}

function taskNanos(pid: number, task: string): number {
  try {
    return Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0]);
  } catch {
    return 0; // the thread ended between the listing and the reading
  }
}

export interface CoreTimes {
  readonly busyMs: number;
  readonly stolenMs: number;
}

/** Since the machine started; the kernel counts in steps of 10 ms. */
export function coreTimes(core: number): CoreTimes {
  const line = readFileSync('/proc/stat', 'utf8')
    .split('\n')
    .find((text) => text.startsWith(`cpu${core} `));
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = (line ?? '')
    .split(/\s+/)
    .slice(1)
    .map(Number);
  return { busyMs: (user + nice + system + irq + softirq) * 10, stolenMs: steal * 10 };
}

/** Resident memory in kB. */
export function residentKb(pid: number): number {
  const match = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(match?.[1] ?? Number.NaN);
}
