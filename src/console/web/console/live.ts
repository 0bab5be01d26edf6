/** What the server has told so far: calls, registrations, figures, and the calls that are looked at. No DOM in here. */
import type {
  CallDetail,
  CallRow,
  MailboxCounts,
  MediaPoint,
  QueueInfo,
  RegistrationRow,
  ServerMessage,
  Totals,
} from '../../protocol.ts';

export type Slice = 'calls' | 'registrations' | 'queues' | 'mailboxes' | 'totals' | 'watched' | 'connection';
export type Connection = 'connecting' | 'open' | 'lost';

/** Points of each leg that are kept: 20 minutes. */
const mostPoints = 1_200;
/** Points of the charts that are kept. */
const mostTotals = 6_000;

export class Live {
  calls = new Map<string, CallRow>();
  /** The first list is there. */
  loaded = false;
  registrations: readonly RegistrationRow[] = [];
  /** Registrations that are not in the list. */
  moreRegistrations = 0;
  queues: readonly QueueInfo[] = [];
  mailboxes: readonly MailboxCounts[] = [];
  history: readonly Totals[] = [];
  totals: Totals | undefined;
  /** Undefined: there is no such call (any more); not there: it is not known yet. */
  readonly watched = new Map<string, CallDetail | undefined>();
  connection: Connection = 'connecting';
  /** When the next attempt is made, in the page's own time. */
  retryAt: number | undefined;
  /** ms that the server's clock is ahead of the page's. */
  ahead = 0;
  /** Since the connection is there. A server without queues and mailboxes says nothing of them. */
  #isPbxTold = false;
  readonly #listeners = new Map<Slice, Set<() => void>>();

  subscribe(slice: Slice, listener: () => void): () => void {
    const listeners = this.#listeners.get(slice) ?? new Set();
    this.#listeners.set(slice, listeners.add(listener));
    return () => listeners.delete(listener);
  }

  connected(connection: Connection, retryAt?: number): void {
    this.connection = connection;
    this.retryAt = retryAt;
    this.#tell('connection');
  }

  /** @param now Unix ms, of the page's clock. */
  take(message: ServerMessage, now: number): void {
    switch (message.type) {
      case 'hello':
        this.#isPbxTold = false;
        this.ahead = message.now - now;
        this.history = message.history.slice(-mostTotals);
        this.totals = message.history.at(-1);
        this.#tell('totals');
        return;
      case 'calls':
        if (message.full) {
          this.calls = new Map();
          this.loaded = true;
          if (!this.#isPbxTold) this.#takePbx({ queues: [], mailboxes: [] });
        }
        for (const call of message.changed) this.calls.set(call.id, call);
        for (const id of message.gone) this.calls.delete(id);
        this.#tell('calls');
        return;
      case 'registrations':
        this.registrations = message.rows;
        this.moreRegistrations = message.more ?? 0;
        this.#tell('registrations');
        return;
      case 'pbx':
        this.#takePbx(message);
        return;
      case 'totals':
        this.totals = message.totals;
        this.history = [...this.history.slice(1 - mostTotals), message.totals];
        this.#tell('totals');
        return;
      case 'call':
        this.watched.set(message.id, message.detail ?? this.#ended(message.id));
        this.#tell('watched');
        return;
      case 'call-more':
        this.#append(message);
        this.#tell('watched');
        return;
      default:
        // Of a later server, or for somebody else (listening, error).
        return;
    }
  }

  forget(id: string): void {
    this.watched.delete(id);
  }

  /** Who shows mailboxes asks for their messages when these changed: not for each caller of a queue. */
  #takePbx({ queues, mailboxes }: Omit<Extract<ServerMessage, { type: 'pbx' }>, 'type'>): void {
    this.#isPbxTold = true;
    this.queues = queues;
    this.#tell('queues');
    if (JSON.stringify(mailboxes) === JSON.stringify(this.mailboxes)) return;
    this.mailboxes = mailboxes;
    this.#tell('mailboxes');
  }

  /** A call that ends while it is looked at stays on the page, as what it was. */
  #ended(id: string): CallDetail | undefined {
    const before = this.watched.get(id);
    return before && { ...before, call: { ...before.call, state: 'deleted' } };
  }

  #append(more: Extract<ServerMessage, { type: 'call-more' }>): void {
    const before = this.watched.get(more.id);
    if (!before) return;
    this.watched.set(more.id, {
      ...before,
      call: more.call ?? before.call,
      variables: more.variables ?? before.variables,
      ladder: more.ladder ? [...before.ladder, ...more.ladder] : before.ladder,
      events: more.events ? [...before.events, ...more.events] : before.events,
      media: more.media ? withPoints(before.media, more.media) : before.media,
    });
  }

  #tell(slice: Slice): void {
    for (const listener of this.#listeners.get(slice) ?? []) listener();
  }
}

function withPoints(media: CallDetail['media'], points: Readonly<Record<string, MediaPoint>>): CallDetail['media'] {
  const all: Record<string, readonly MediaPoint[]> = { ...media };
  for (const [sessionId, point] of Object.entries(points))
    all[sessionId] = [...(all[sessionId] ?? []).slice(1 - mostPoints), point];
  return all;
}

/** ms until the next attempt: 0.5, 1, 2, 4, … 15 s, each a little random so that pages do not come all at once. */
export function backOff(attempt: number, random: number): number {
  return Math.min(15_000, 500 * 2 ** attempt) * (0.75 + random / 2);
}
