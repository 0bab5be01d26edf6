/**
 * One client that follows the log. It is sent what there is as long as it takes it; what it is too slow for waits in the
 * log, and when that has gone on without it, it is dropped, and told so. It may come back and read on from where it was.
 */
import type { EventFilter } from './filter.ts';
import type { EventLog } from './log.ts';

/** The client's connection. */
export interface EventSink {
  /** It has enough to read; `follower.drained()` tells when that is over. */
  readonly full: boolean;
  /** @param seq where to read on when it comes back */
  send(seq: number, json: string): void;
  /** @param reason for the last message: `slow` or `closing` */
  end(reason: FollowerEnd): void;
}

export type FollowerEnd = 'slow' | 'closing';

/** Events in one turn of the event loop. */
const perTurn = 64;

export class EventFollower {
  readonly #log: EventLog;
  readonly #filter: EventFilter;
  readonly #sink: EventSink;
  readonly #soon: (work: () => void) => void;
  readonly #stop: () => void;
  #at: number;
  #scheduled = false;
  #wasFull = false;
  #ended = false;

  /**
   * @param since the place to read on from; undefined: what comes from now on; 0: all that is kept
   * @param soon does the work on a turn of its own, soon
   */
  constructor(
    log: EventLog,
    filter: EventFilter,
    since: number | undefined,
    sink: EventSink,
    soon: (work: () => void) => void,
  ) {
    this.#log = log;
    this.#filter = filter;
    this.#sink = sink;
    this.#soon = soon;
    this.#at = since === undefined ? log.last : since === 0 ? log.beginning : since;
    this.#tellGap();
    this.#stop = log.onAppend(() => this.#wake());
    this.#wake();
  }

  /** The client has read what it had. */
  drained(): void {
    this.#wasFull = false;
    this.#wake();
  }

  #wake(): void {
    if (this.#scheduled || this.#ended) return;
    this.#scheduled = true;
    this.#soon(() => {
      this.#scheduled = false;
      this.#pump();
    });
  }

  /** To be called now and then: a client that has read nothing since the last time is dropped. */
  checkReading(): void {
    if (this.#sink.full && this.#wasFull) this.#end('slow');
    this.#wasFull = this.#sink.full;
  }

  /** The client is gone. */
  leave(): void {
    this.#ended = true;
    this.#stop();
  }

  /** The server closes. */
  close(): void {
    this.#end('closing');
  }

  #pump(): void {
    if (this.#ended) return;
    if (this.#log.missed(this.#at) > 0) this.#end('slow');
    else if (!this.#sink.full) this.#sendPage();
  }

  #sendPage(): void {
    const { events, next } = this.#log.read(this.#at, perTurn);
    for (const event of events) if (this.#filter(event)) this.#sink.send(event.seq, event.json);
    this.#at = next;
    if (next < this.#log.last && !this.#sink.full) this.#wake();
  }

  /** What the client asked for is not there any more. */
  #tellGap(): void {
    const missed = this.#log.missed(this.#at);
    if (missed === 0) return;
    const after = this.#at;
    this.#at = this.#log.last - this.#log.size;
    const count = Number.isFinite(missed) ? { missed } : {};
    this.#sink.send(this.#at, JSON.stringify({ seq: this.#at, event: 'log:gap', data: { after, ...count } }));
  }

  #end(reason: FollowerEnd): void {
    if (this.#ended) return;
    this.leave();
    const event = reason === 'slow' ? 'log:dropped' : 'log:closing';
    this.#sink.send(this.#at, JSON.stringify({ seq: this.#at, event, data: {} }));
    this.#sink.end(reason);
  }
}
