/** Files that are watched for changes. */
import { unwatchFile, watchFile } from 'node:fs';

/** Editors write a file in several steps. */
const settleMs = 100;
const pollMs = 250;

/** Calls `changed` when one of the files did, once for a burst of writes. Files may be added while it watches. */
export class FileWatcher {
  readonly #changed: () => void;
  readonly #watched = new Set<string>();
  #timer: NodeJS.Timeout | undefined;

  constructor(changed: () => void) {
    this.#changed = changed;
  }

  add(files: Iterable<string>): void {
    for (const file of files) {
      if (this.#watched.has(file)) continue;
      this.#watched.add(file);
      // Polling sees what editors, mounts and containers hide from inotify.
      watchFile(file, { interval: pollMs, persistent: false }, (now, before) => {
        if (now.mtimeMs === before.mtimeMs && now.size === before.size) return;
        clearTimeout(this.#timer);
        this.#timer = setTimeout(this.#changed, settleMs);
      });
    }
  }

  close(): void {
    clearTimeout(this.#timer);
    for (const file of this.#watched) unwatchFile(file);
    this.#watched.clear();
  }
}
