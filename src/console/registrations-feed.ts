/** Who is registered, sent whole when it changed: seldom, where there are many. */
import type { Clock } from '../base/clock.ts';
import type { Unsubscribe } from '../base/events.ts';
import type { Binding } from '../registrar/location-store.ts';
import type { RegistrationRow } from './protocol.ts';
import type { ConsoleSubject } from './subject.ts';

const mostRows = 2_000;
/** ms between two lists; for each row a little more. */
const leastMs = 250;
const perRowMs = 2;

export class RegistrationsFeed {
  readonly #subject: ConsoleSubject;
  readonly #clock: Clock;
  readonly #unsubscribe: Unsubscribe;
  #isChanged = false;
  #dueAt = 0;

  constructor(subject: ConsoleSubject, clock: Clock) {
    this.#subject = subject;
    this.#clock = clock;
    this.#unsubscribe = subject.observer.on('registrar:changed', () => {
      this.#isChanged = true;
    });
  }

  /** The list if it is time for it, and it changed. */
  next(): string | undefined {
    const now = this.#clock.now();
    if (!this.#isChanged || now < this.#dueAt) return undefined;
    this.#isChanged = false;
    this.#dueAt = now + leastMs + perRowMs * Math.min(mostRows, this.#subject.registrar?.size ?? 0);
    return this.all();
  }

  all(): string {
    const { registrar } = this.#subject;
    const rows: RegistrationRow[] = [];
    if (registrar)
      for (const user of registrar.users) {
        if (rows.length >= mostRows) break;
        for (const binding of registrar.lookup(user)) rows.push(this.#rowOf(binding));
      }
    const more = (registrar?.size ?? 0) - rows.length;
    return JSON.stringify({ type: 'registrations', rows, ...(more > 0 && { more }) });
  }

  #rowOf({ user, uri, source, userAgent = '', due }: Binding): RegistrationRow {
    const at = source.indexOf(':');
    return {
      user,
      contact: uri,
      transport: source.slice(0, at),
      source: source.slice(at + 1),
      userAgent,
      expiresAt: Math.round(this.#clock.wallclock() + due - this.#clock.now()),
    };
  }

  close(): void {
    this.#unsubscribe();
  }
}
