import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { LogReport } from '../../src/recovery/journal/journal.ts';
import type { LogFile } from '../../src/recovery/journal/log-file.ts';
import { BatchWriter } from '../../src/recovery/journal/writer.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }));
afterEach(() => void vi.useRealTimers());

/** A log on a disk that may be full. */
class Disk {
  full = false;
  removed = 0;
  readonly stats = { bytes: 0, records: 0, batches: 0, compactions: 0 };

  #broken = false;

  write(): void {
    if (this.#broken) throw new Error('the log is not writable');
    this.repair();
  }

  repair(): void {
    this.#broken = this.full;
    if (this.full) throw new Error('ENOSPC');
  }

  abandon(): boolean {
    this.removed++;
    return true;
  }

  close(): void {}
}

function writerOn(disk: Disk): { writer: BatchWriter; reports: LogReport[] } {
  const reports: LogReport[] = [];
  return { writer: new BatchWriter(disk as unknown as LogFile, (report) => reports.push(report)), reports };
}

it('keeps a log that cannot be written for a moment, and writes all of it then', () => {
  const disk = new Disk();
  const { writer, reports } = writerOn(disk);
  disk.full = true;
  writer.write([], 1);
  writer.write([], 2);
  expect(reports.at(-1)).toEqual({ problem: 'ENOSPC' });
  disk.full = false;
  vi.advanceTimersByTime(250);
  expect(reports.at(-1)).toMatchObject({ written: 2 });
  expect(disk.removed).toBe(0);
  writer.close();
});

it('gives up a log that cannot be written for long: what it says gets old, and nobody waits for it', () => {
  const disk = new Disk();
  const { writer, reports } = writerOn(disk);
  disk.full = true;
  writer.write([], 1);
  vi.advanceTimersByTime(7_000);
  expect(disk.removed).toBe(0);
  vi.advanceTimersByTime(5_000);
  expect(disk.removed).toBeGreaterThan(0);
  expect(reports.at(-1)).toEqual({ problem: 'ENOSPC', gone: 1 });
  writer.write([], 2);
  expect(reports.at(-1)).toEqual({ problem: 'ENOSPC', gone: 2 });
  disk.full = false;
  vi.advanceTimersByTime(5_000);
  expect(reports.at(-1)).toMatchObject({ written: 2 });
  writer.close();
});
