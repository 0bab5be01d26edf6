/** Queues and how many messages are in mailboxes, sent whole when something in them changed. */
import type { Clock } from '../base/clock.ts';
import type { Unsubscribe } from '../base/events.ts';
import type { PbxEvents } from '../session/pbx-events.ts';
import type { MailboxCounts, QueueInfo, ServerMessage } from './protocol.ts';
import type { ConsoleSubject, WatchedMailbox, WatchedQueue } from './subject.ts';

/** Of each queue. */
const mostCallers = 200;
/** ms between two lists, less than a tick of the stream; for each caller and agent in them a little more. */
const leastMs = 200;
const perRowMs = 2;
const changes = [
  'queue:entered',
  'queue:ringing',
  'queue:missed',
  'queue:answered',
  'queue:left',
  'queue:agent',
  'voicemail:changed',
] as const satisfies readonly (keyof PbxEvents)[];

export type PbxFeedSubject = Pick<ConsoleSubject, 'observer' | 'queues' | 'mailboxes'>;

export class PbxFeed {
  readonly #subject: PbxFeedSubject;
  readonly #clock: Clock;
  readonly #unsubscribe: readonly Unsubscribe[];
  /** Those whose messages were looked for. */
  readonly #loaded = new WeakSet<WatchedMailbox>();
  #isChanged = false;
  #dueAt = 0;
  /** Queues and mailboxes in the last list: no event tells of a new one. */
  #size = 0;

  constructor(subject: PbxFeedSubject, clock: Clock) {
    this.#subject = subject;
    this.#clock = clock;
    const changed = (): void => {
      this.#isChanged = true;
    };
    this.#unsubscribe = changes.map((name) => subject.observer.on(name, changed));
  }

  /** The list if it is time for it, and it changed. */
  next(): string | undefined {
    const { queues, mailboxes } = this.#subject;
    if (queues.length + mailboxes.length !== this.#size) this.#isChanged = true;
    const now = this.#clock.now();
    if (!this.#isChanged || now < this.#dueAt) return undefined;
    this.#isChanged = false;
    const list = this.#list();
    const rows = list.queues.reduce((sum, { callers, agents }) => sum + callers.length + agents.length, 0);
    this.#dueAt = now + leastMs + perRowMs * (rows + list.mailboxes.length);
    this.#size = queues.length + mailboxes.length;
    return JSON.stringify(list);
  }

  /** Undefined where there is no queue and no mailbox. */
  all(): string | undefined {
    const { queues, mailboxes } = this.#subject;
    return queues.length + mailboxes.length === 0 ? undefined : JSON.stringify(this.#list());
  }

  /** Idempotent. */
  close(): void {
    for (const stop of this.#unsubscribe) stop();
  }

  #list(): Extract<ServerMessage, { type: 'pbx' }> {
    const { queues, mailboxes } = this.#subject;
    this.#load(mailboxes);
    const now = Math.round(this.#clock.wallclock());
    return {
      type: 'pbx',
      queues: queues.map((queue) => queueInfo(queue, now)),
      mailboxes: mailboxes.map(({ name, counts }): MailboxCounts => ({ name, new: counts.new, saved: counts.saved })),
    };
  }

  /** A mailbox counts the messages that it has read: all, as soon as somebody looks. */
  #load(mailboxes: readonly WatchedMailbox[]): void {
    for (const box of mailboxes) {
      if (this.#loaded.has(box)) continue;
      this.#loaded.add(box);
      box.messages().then(
        () => {
          this.#isChanged = true;
        },
        // Why it cannot be read is told on its own page.
        () => {},
      );
    }
  }
}

function queueInfo({ name, state }: WatchedQueue, now: number): QueueInfo {
  const { callers, agents, left } = state;
  return {
    name,
    callers: callers.slice(0, mostCallers).map(({ fromUser = '', waitedMs, sessionId, callId, ...place }) => ({
      ...{ sessionId, callId, from: fromUser, since: now - Math.round(waitedMs) },
      ...{ position: place.position, priority: place.priority, ringing: place.ringing },
    })),
    waiting: callers.length,
    agents: agents.map((agent) => ({
      ...{ name: agent.name, state: agent.state, taken: agent.taken, missed: agent.missed },
    })),
    left,
  };
}
