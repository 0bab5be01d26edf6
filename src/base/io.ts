/** The remaining I/O ports. Their Node implementations are in `node.ts`; the lab has its own. */

/** An open file that is written at positions (recordings rewrite their header). */
export interface FileWriter {
  write(bytes: Uint8Array, position: number): Promise<void>;
  /** Cuts off what is behind so many bytes; without it, what was written stays. */
  truncate?(size: number): Promise<void>;
  close(): Promise<void>;
}

/** A file that was there already. */
export interface FileEditor extends FileWriter {
  /** When it was opened. */
  readonly size: number;
  /** @returns fewer bytes at its end */
  read(position: number, length: number): Promise<Uint8Array>;
  /** Cuts off what is behind so many bytes, or adds zeros up to there. */
  truncate(size: number): Promise<void>;
}

export interface FileStat {
  readonly size: number;
  /** Unix milliseconds. */
  readonly modified: number;
}

export interface Files {
  read(path: string): Promise<Uint8Array>;
  stat(path: string): Promise<FileStat>;
  /** Creates or truncates. */
  create(path: string): Promise<FileWriter>;
  /** Rejects when it is not there or must not be written; without it, no recording goes on after a crash. */
  reopen?(path: string): Promise<FileEditor>;
  /** Needed for mailboxes only. */
  readonly folders?: Folders;
}

/** Files that come and go. */
export interface Folders {
  /** With those above it; one that is there already is left as it is. */
  make(path: string): Promise<void>;
  /** Names of the files in it; none when there is no such folder. */
  list(path: string): Promise<readonly string[]>;
  /** In the place of one that has the other name, at once. */
  rename(from: string, to: string): Promise<void>;
  /** One that is not there is gone already. */
  remove(path: string): Promise<void>;
}

/** HTTP GET of a whole body; rejects on a status that is not 2xx and past `maxBytes`. */
export interface Fetch {
  get(
    url: string,
    options: { readonly signal?: AbortSignal; readonly maxBytes: number; readonly timeoutMs: number },
  ): Promise<{
    readonly bytes: Uint8Array;
    readonly contentType: string;
  }>;
  /**
   * As `get`, with the body as it comes. Without it all is taken whole.
   * @param options.timeoutMs until the body begins
   */
  open?(url: string, options: { readonly signal: AbortSignal; readonly timeoutMs: number }): Promise<FetchedBody>;
  /** HTTP POST; needed for webhooks only. Follows no redirection. @returns the status, whatever it is */
  post?(url: string, options: PostOptions): Promise<number>;
}

export interface PostOptions {
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  /** Until the answer. */
  readonly timeoutMs: number;
}

export interface FetchedBody {
  readonly contentType: string;
  /** Bytes; undefined when the server does not say. */
  readonly length: number | undefined;
  /** Read once; who leaves the loop ends the connection, and so does the signal. */
  readonly body: AsyncIterable<Uint8Array>;
}

/** Text to speech. */
export interface TtsProvider {
  /**
   * Resolves when the sample rate is known; the audio may come while it is being made. What goes wrong is thrown, by
   * the audio's iterator too.
   */
  synthesize(text: string, options: TtsOptions): Promise<Speech>;
}

export interface TtsOptions {
  /** As the provider names them; default: one of the language. */
  readonly voice?: string;
  /** BCP 47, as `en-GB`; default: the provider's. */
  readonly language?: string;
  /** Aborted when nobody listens any more. */
  readonly signal: AbortSignal;
}

export interface Speech {
  /** Hz */
  readonly sampleRate: number;
  /** 16-bit mono */
  readonly audio: AsyncIterable<Int16Array>;
}

/** WebSocket connections of ours (RFC 6455). */
export interface WebSockets {
  /** Returns at once. What is wrong with the URL, or refused, is `onClose`. It calls nothing before it has returned. */
  connect(url: string, options: WebSocketOptions, handler: WebSocketHandler): WebSocketConnection;
}

export interface WebSocketOptions {
  readonly headers?: Readonly<Record<string, string>>;
  readonly protocols?: readonly string[];
  /** Longest message taken, bytes; a longer one ends the connection. */
  readonly maxMessage: number;
  /** ms until it has to be open */
  readonly timeoutMs: number;
}

export interface WebSocketHandler {
  onOpen(): void;
  /** Text as a string. */
  onMessage(message: string | Uint8Array): void;
  /** Once, after which nothing follows. `code`: of RFC 6455 §7.4; @param error why it could not be made, or broke */
  onClose(code: number, error: Error | undefined): void;
}

export interface WebSocketConnection {
  /** Written but not yet taken by the kernel, bytes. */
  readonly buffered: number;
  /** What cannot be sent any more is lost. */
  send(message: string | Uint8Array): void;
  /** Idempotent; a peer that does not answer is cut off soon. */
  close(code: number): void;
}

/** RFC 2782. */
export interface SrvRecord {
  readonly priority: number;
  readonly weight: number;
  readonly port: number;
  /** Of a host. */
  readonly name: string;
}

/** RFC 3403. */
export interface NaptrRecord {
  readonly order: number;
  readonly preference: number;
  readonly flags: string;
  readonly service: string;
  readonly replacement: string;
}

export interface Resolver {
  /** None when the name has none. A resolver without it finds hosts only. */
  srv?(name: string): Promise<readonly SrvRecord[]>;
  /** As `srv`. */
  naptr?(name: string): Promise<readonly NaptrRecord[]>;
  /** IPv4 and IPv6 addresses of a host name, in the order to try. */
  lookup(host: string): Promise<readonly { readonly address: string; readonly family: 4 | 6 }[]>;
}

/** A file of lines that grows, and may be moved away at any time: the next line goes into a new one then. */
export interface LineFile {
  /** Resolves when the disk has it. What a crash has left of a line is ended first. @param text whole lines */
  append(text: string): Promise<void>;
  /** The last so many bytes, from the beginning of a line; nothing when there is no file. */
  tail(bytes: number): Promise<string>;
}
