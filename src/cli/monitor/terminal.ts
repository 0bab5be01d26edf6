/** The terminal of the monitor: a screen of its own while it runs, and as before afterwards, whatever happens. */
import type { ReadStream, WriteStream } from 'node:tty';
import type { Size } from './view.ts';

const enter = '\x1b[?1049h\x1b[?25l';
const leave = '\x1b[?25h\x1b[?1049l';

export type TerminalInput = Pick<ReadStream, 'setRawMode' | 'setEncoding' | 'on' | 'off' | 'resume' | 'pause'>;
export type TerminalOutput = Pick<WriteStream, 'write' | 'on' | 'off' | 'columns' | 'rows'>;

export interface TerminalEvents {
  /** One key, or what a paste brings, key by key. */
  key(key: string): void;
  resized(): void;
  /** There are no keys any more. */
  ended(): void;
}

export class Terminal {
  readonly #input: TerminalInput;
  readonly #output: TerminalOutput;
  readonly #events: TerminalEvents;
  #open = true;

  constructor(input: TerminalInput, output: TerminalOutput, events: TerminalEvents) {
    this.#input = input;
    this.#output = output;
    this.#events = events;
    // An exception that nobody catches ends the process by way of this event, too.
    process.on('exit', this.#restore);
    input.setRawMode(true);
    input.setEncoding('utf8');
    input.on('data', this.#onData);
    input.on('end', events.ended);
    input.resume();
    output.on('resize', events.resized);
    output.write(enter);
  }

  get size(): Size {
    // A terminal that does not tell its size has this one.
    return { columns: this.#output.columns || 80, rows: this.#output.rows || 24 };
  }

  draw(lines: readonly string[]): void {
    if (this.#open) this.#output.write(`\x1b[H${lines.map((line) => `${line}\x1b[K`).join('\r\n')}\x1b[J`);
  }

  /** Idempotent. */
  close(): void {
    this.#restore();
    process.off('exit', this.#restore);
    this.#input.off('data', this.#onData);
    this.#input.off('end', this.#events.ended);
    this.#input.pause();
    this.#output.off('resize', this.#events.resized);
  }

  readonly #restore = (): void => {
    if (!this.#open) return;
    this.#open = false;
    this.#output.write(leave);
    this.#input.setRawMode(false);
  };

  readonly #onData = (data: string | Uint8Array): void => {
    for (const key of keysIn(String(data))) this.#events.key(key);
  };
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: keys without a letter send escape sequences
const keyPattern = /\x1b\[[0-9;]*[A-Za-z~]|\x1bO[A-Z]|[\s\S]/gu;

/** Escape sequences are one key. */
export function keysIn(text: string): readonly string[] {
  return text.match(keyPattern) ?? [];
}
