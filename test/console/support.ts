/** The console's stream over a Tandem of the lab, and pages that look on without a network. */
import { EventEmitter } from 'node:events';
import type { WebSocket } from 'ws';
import type { Clock } from '../../src/base/clock.ts';
import type { CallRow, ClientMessage, ServerMessage } from '../../src/console/protocol.ts';
import { ConsoleStream } from '../../src/console/stream.ts';
import type { CdrStore } from '../../src/console/subject.ts';
import { EventLog } from '../../src/control/events/log.ts';
import { logEvents } from '../../src/control/events/sources.ts';
import type { Role } from '../../src/control/http/access.ts';
import type { Tandem } from '../../src/tandem.ts';
import { memoryLogger } from '../helpers/memory-logger.ts';

type Named<T extends ServerMessage['type']> = Extract<ServerMessage, { type: T }>;

/** What of `ws` the stream uses. */
export class FakeSocket extends EventEmitter {
  readyState = 1;
  /** What is sent waits and is not read. */
  stalls = false;
  #buffered = 0;
  readonly #waiting: (() => void)[] = [];
  readonly texts: string[] = [];
  readonly frames: Uint8Array[] = [];
  readonly shared: unknown[] = [];
  pings = 0;
  closeCode: number | undefined;

  get bufferedAmount(): number {
    return this.#buffered;
  }

  set bufferedAmount(bytes: number) {
    this.#buffered = bytes;
    if (bytes === 0) for (const taken of this.#waiting.splice(0)) taken();
  }

  send(data: string | Uint8Array, { binary }: { binary: boolean }, taken: () => void): void {
    if (this.stalls) {
      this.#buffered += data.length;
      this.#waiting.push(taken);
    } else queueMicrotask(taken);
    if (binary) this.frames.push(data as Uint8Array);
    else {
      this.texts.push(typeof data === 'string' ? data : Buffer.from(data).toString());
      this.shared.push(data);
    }
  }

  ping(): void {
    this.pings++;
  }

  close(code = 1005): void {
    this.closeCode ??= code;
    this.terminate();
  }

  terminate(): void {
    if (this.readyState === 3) return;
    this.readyState = 3;
    this.bufferedAmount = 0;
    this.emit('close');
  }
}

/** One page, and the list that it would show. */
export class Page {
  readonly socket = new FakeSocket();
  #read = 0;
  readonly calls = new Map<string, CallRow>();

  get messages(): readonly ServerMessage[] {
    return this.socket.texts.map((text) => JSON.parse(text) as ServerMessage);
  }

  of<T extends ServerMessage['type']>(type: T): readonly Named<T>[] {
    return this.messages.filter((one): one is Named<T> => one.type === type);
  }

  /** @returns the rows, after all that has come */
  rows(): readonly CallRow[] {
    for (const message of this.messages.slice(this.#read)) {
      if (message.type !== 'calls') continue;
      if (message.full) this.calls.clear();
      for (const row of message.changed) this.calls.set(row.id, row);
      for (const id of message.gone) this.calls.delete(id);
    }
    this.#read = this.socket.texts.length;
    return [...this.calls.values()];
  }

  send(message: ClientMessage | string): void {
    const text = typeof message === 'string' ? message : JSON.stringify(message);
    this.socket.emit('message', Buffer.from(text), false);
  }
}

export interface TestStream extends Disposable {
  readonly stream: ConsoleStream;
  readonly lines: ReturnType<typeof memoryLogger>['lines'];
  open(role?: Role, who?: string): Page;
}

export function openStream(tandem: Tandem, clock: Clock, store?: CdrStore): TestStream {
  const { logger, lines } = memoryLogger();
  const log = new EventLog(clock);
  const stop = logEvents({ tandem, registry: tandem.registry }, log, logger);
  const probe = { cpuSeconds: () => clock.now() / 10_000, loopLag: () => ({ p50: 0, p99: 0.002, max: 0.01 }) };
  const subject = store ? Object.assign(Object.create(tandem), { store }) : tandem;
  const stream = new ConsoleStream({ subject, log, clock, logger, probe });
  return {
    stream,
    lines,
    open: (role = 'control', who = 'ann') => {
      const page = new Page();
      stream.join(page.socket as unknown as WebSocket, { role, who, login: undefined }, '192.0.2.7');
      return page;
    },
    [Symbol.dispose]: () => {
      stream.close();
      stop();
    },
  };
}
