/**
 * The audio of a call over a WebSocket, both ways, for software that listens and speaks: a voice bot, a transcriber.
 * The stream ends with its call, by `close()`, or when the other end closes it; the call goes on then.
 */
import type { AudioReader, AudioWriter } from '../../media/index.ts';
import type { Clock } from '../base/clock.ts';
import { messageOf, TandemError } from '../base/errors.ts';
import type { WebSocketConnection, WebSockets } from '../base/io.ts';
import type { Logger } from '../base/log.ts';
import type { StreamDialect, StreamRequest } from './dialect.ts';
import { Playout } from './playout.ts';

/** bytes; a whole answer of a bot may come in one message. */
const maxMessage = 16 * 1024 * 1024;
/** bytes that wait for a peer that does not read; what is heard meanwhile is dropped. */
const maxBuffered = 256 * 1024;
const normal = 1000;
/** RFC 6455 §7.1.5: the other end is gone without a word. */
const abnormal = 1006;

export interface MediaStreamEnd {
  /** `call`: the call ended. */
  readonly by: 'local' | 'remote' | 'call' | 'error';
  /** With which the connection was closed (RFC 6455 §7.4). */
  readonly code: number;
  readonly error?: TandemError;
}

/** What a stream needs of its call. */
export interface StreamCall {
  reader(sampleRate: number): AudioReader;
  writer(sampleRate: number): AudioWriter;
  digits(): AsyncIterableIterator<{ readonly digit: string }>;
  hangup(): Promise<void>;
  /** Aborted when the call ends. */
  readonly signal: AbortSignal;
}

export interface StreamPorts {
  readonly webSockets: WebSockets;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface ConnectOptions {
  readonly headers: Readonly<Record<string, string>>;
  /** ms */
  readonly timeout: number;
}

export class MediaStream {
  /** Never rejects. */
  readonly ended: Promise<MediaStreamEnd>;
  readonly #call: StreamCall;
  readonly #dialect: StreamDialect;
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #connection: WebSocketConnection;
  readonly #opened = Promise.withResolvers<void>();
  readonly #over = Promise.withResolvers<MediaStreamEnd>();
  readonly #onCallEnd = (): void => this.#finish({ by: 'call', code: normal });
  #live:
    | {
        readonly reader: AudioReader;
        readonly digits: AsyncIterableIterator<unknown>;
        readonly playout: Playout;
        readonly since: number;
      }
    | undefined;
  #end: MediaStreamEnd | undefined;
  #dropped = 0;
  #notUnderstood = 0;

  private constructor(
    url: string,
    call: StreamCall,
    dialect: StreamDialect,
    { webSockets, clock, logger }: StreamPorts,
    { headers, timeout }: ConnectOptions,
  ) {
    this.ended = this.#over.promise;
    this.#call = call;
    this.#dialect = dialect;
    this.#clock = clock;
    this.#logger = logger;
    this.#connection = webSockets.connect(
      url,
      { headers, protocols: dialect.protocols, maxMessage, timeoutMs: timeout },
      {
        onOpen: () => this.#open(),
        onMessage: (message) => this.#receive(message),
        onClose: (code, error) => this.#closed(code, error),
      },
    );
    call.signal.addEventListener('abort', this.#onCallEnd, { once: true });
  }

  /**
   * Connects, and resolves when the stream has begun.
   * @throws TandemError ERR_STREAM when there is no connection; the signal's reason when the call ends before
   */
  static async connect(
    url: string,
    call: StreamCall,
    dialect: StreamDialect,
    ports: StreamPorts,
    options: ConnectOptions,
  ): Promise<MediaStream> {
    call.signal.throwIfAborted();
    const stream = new MediaStream(url, call, dialect, ports, options);
    await stream.#opened.promise;
    return stream;
  }

  /** Frames of 20 ms that the other end did not take in time. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Ends the stream; the call goes on. Idempotent; resolves when the connection is closed or given up. */
  close(): Promise<MediaStreamEnd> {
    this.#finish({ by: 'local', code: normal });
    return this.ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #open(): void {
    if (this.#end) return;
    const { sampleRate } = this.#dialect;
    try {
      const reader = this.#call.reader(sampleRate);
      const digits = this.#call.digits();
      const playout = new Playout(this.#call.writer(sampleRate), this.#clock, {
        onMark: (answer) => this.#connection.send(answer()),
        onFull: (on) => this.#tell(this.#dialect.full(on)),
        onDrained: () => this.#tell(this.#dialect.drained()),
      });
      this.#live = { reader, digits, playout, since: this.#clock.now() };
      for (const message of this.#dialect.start()) this.#connection.send(message);
      void this.#listen(reader);
      void this.#watchKeys(digits);
      this.#opened.resolve();
    } catch (error) {
      this.#fail(`the call cannot be streamed: ${messageOf(error)}`, error);
    }
  }

  async #listen(reader: AudioReader): Promise<void> {
    const since = this.#live?.since ?? 0;
    for await (const frame of reader) {
      if (this.#end) return;
      if (this.#connection.buffered > maxBuffered) this.#dropped++;
      else this.#connection.send(this.#dialect.audio(frame, this.#clock.now() - since));
    }
  }

  async #watchKeys(digits: AsyncIterableIterator<{ readonly digit: string }>): Promise<void> {
    for await (const { digit } of digits) this.#tell(this.#dialect.dtmf(digit));
  }

  #receive(message: string | Uint8Array): void {
    if (!this.#live || this.#end) return;
    const requests = this.#dialect.read(message);
    if (!requests) {
      if (this.#notUnderstood++ === 0) this.#logger.warn({}, 'a media stream sends what is not understood');
      return;
    }
    for (const request of requests) this.#do(request, this.#live.playout);
  }

  #do(request: StreamRequest, playout: Playout): void {
    switch (request.do) {
      case 'play':
        if (!playout.play(request.samples)) this.#fail('more audio is queued than a call could ever play');
        break;
      case 'mark':
        playout.mark(request.answer);
        break;
      case 'clear': {
        const answers = playout.clear();
        if (this.#dialect.answersClearedMarks) for (const answer of answers) this.#connection.send(answer());
        break;
      }
      case 'pause':
        playout.pause(request.on);
        break;
      case 'status':
        this.#tell(this.#dialect.status({ queuedMs: playout.queuedMs, paused: playout.paused }));
        break;
      case 'report-drained':
        playout.reportDrained();
        break;
      case 'hangup':
        void this.#call.hangup();
        break;
      default:
        request satisfies never;
    }
  }

  #tell(message: string | undefined): void {
    if (message !== undefined && !this.#end) this.#connection.send(message);
  }

  #closed(code: number, error: Error | undefined): void {
    if (!this.#end && (error || code === abnormal || !this.#live)) {
      const why = error ? messageOf(error) : `it was closed with ${code}`;
      this.#finish({ by: 'error', code, error: streamError(why, error) });
    }
    this.#finish({ by: 'remote', code });
    const end = this.#end as MediaStreamEnd;
    this.#opened.reject(
      end.error ?? (this.#call.signal.aborted ? this.#call.signal.reason : streamError('it was closed')),
    );
    this.#opened.promise.catch(() => {});
    this.#over.resolve(end);
  }

  #fail(what: string, cause?: unknown): void {
    this.#logger.warn({ error: what }, 'a media stream failed');
    this.#finish({ by: 'error', code: 1011, error: streamError(what, cause) });
  }

  /** Lets go of the call and closes the connection, once. */
  #finish(end: MediaStreamEnd): void {
    if (this.#end) return;
    const stop = this.#live && this.#dialect.stop();
    this.#tell(stop);
    this.#end = end;
    this.#call.signal.removeEventListener('abort', this.#onCallEnd);
    this.#live?.reader.close();
    void this.#live?.digits.return?.();
    this.#live?.playout.close();
    this.#connection.close(end.code);
  }
}

function streamError(why: string, cause?: unknown): TandemError {
  return new TandemError('ERR_STREAM', `the media stream failed: ${why}`, { cause });
}
