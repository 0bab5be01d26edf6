/** The sessions that run. Each is in from its beginning until it is over. */
import type { SipEndpoint } from '../sip/endpoint.ts';
import type { Replaces } from '../sip/replaces.ts';
import { isFailure } from '../sip/trace/trace.ts';
import { DialogClientSession } from './dialog-client-session.ts';
import type { DialogSession } from './dialog-session.ts';

export class Sessions {
  readonly #endpoint: Pick<SipEndpoint, 'knows' | 'trace'>;
  readonly #running = new Set<DialogSession>();
  /** Legs of ours by their Call-ID. */
  readonly #outgoing = new Map<string, DialogClientSession>();

  constructor(endpoint: Pick<SipEndpoint, 'knows' | 'trace'>) {
    this.#endpoint = endpoint;
  }

  get size(): number {
    return this.#running.size;
  }

  /** @returns how the session leaves */
  adopt(session: DialogSession): () => void {
    const { callId } = session;
    this.#running.add(session);
    if (session instanceof DialogClientSession) this.#outgoing.set(callId, session);
    void session.ended.then(({ by, status = 0 }) => {
      const failed = by === 'error' || by === 'timeout' || by === 'crash' || isFailure(status);
      this.#endpoint.trace.ended(callId, failed);
    });
    return () => {
      this.#running.delete(session);
      this.#outgoing.delete(callId);
    };
  }

  /** The leg of ours with this Call-ID. */
  outgoing(callId: string): DialogClientSession | undefined {
    return this.#outgoing.get(callId);
  }

  /** The one whose dialog that is. */
  named(replaces: Replaces): DialogSession | undefined {
    // To look through all calls for every INVITE of a guesser would be too much.
    if (!this.#endpoint.knows(replaces)) return undefined;
    for (const session of this.#running) if (session.isNamedBy(replaces)) return session;
    return undefined;
  }

  /** Resolves when those that run now are over. */
  async over(): Promise<void> {
    await Promise.all([...this.#running].map((session) => session.ended));
  }

  /** Hangs up those that run now; resolves when their peers have answered. */
  async hangup(reason: string): Promise<void> {
    await Promise.all([...this.#running].map((session) => session.hangup({ reason }).catch(() => {})));
  }
}
