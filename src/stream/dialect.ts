/** How a media stream speaks to whoever is at the other end of its WebSocket. */

/** What is told to whom a stream is with. */
export interface StreamFacts {
  /** Names the stream; 32 hexadecimal digits. */
  readonly id: string;
  /** Of the SIP dialog. */
  readonly callId: string;
  readonly from: string;
  readonly to: string;
  readonly parameters: Readonly<Record<string, string>>;
}

/** What the other end wants. */
export type StreamRequest =
  /** Samples at the dialect's rate, to be played behind what is queued. */
  | { readonly do: 'play'; readonly samples: Int16Array }
  /** To be told when what was queued before it has been played. */
  | { readonly do: 'mark'; readonly answer: MarkAnswer }
  | { readonly do: 'clear' }
  | { readonly do: 'pause'; readonly on: boolean }
  | { readonly do: 'hangup' }
  | { readonly do: 'status' }
  /** To be told once when the queue is empty. */
  | { readonly do: 'report-drained' };

/** What to say when the mark is reached; written then, since messages are numbered. */
export type MarkAnswer = () => string;

export interface QueueStatus {
  /** ms of audio that wait. */
  readonly queuedMs: number;
  readonly paused: boolean;
}

/** Pure: what is to be sent, and what was received. One for each stream. */
export interface StreamDialect {
  /** Of the samples in both directions. */
  readonly sampleRate: number;
  readonly protocols: readonly string[];
  /** What a clear leaves undone is answered as played. */
  readonly answersClearedMarks: boolean;
  start(): readonly (string | Uint8Array)[];
  /** 20 ms of the caller. @param atMs since the start */
  audio(samples: Int16Array, atMs: number): string | Uint8Array;
  dtmf(digit: string): string;
  /** The queue is so full that the other end should wait, or no longer. Undefined: there is no word for it. */
  full(on: boolean): string | undefined;
  drained(): string | undefined;
  status(status: QueueStatus): string | undefined;
  stop(): string | undefined;
  /** Undefined: not understood. None: nothing is to be done. */
  read(message: string | Uint8Array): readonly StreamRequest[] | undefined;
}
