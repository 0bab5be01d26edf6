/** The sessions that run. Each is in from its beginning until it is over. */
import type { MediaLeg } from '../../media/index.ts';
import type { SipEndpoint } from '../sip/endpoint.ts';
import type { Replaces } from '../sip/replaces.ts';
import { isFailure } from '../sip/trace/trace.ts';
import { DialogClientSession } from './dialog-client-session.ts';
import type { DialogSession } from './dialog-session.ts';

export class Sessions {
  readonly #endpoint: Pick<SipEndpoint, 'knows' | 'trace'>;
  /** By id. */
  readonly #running = new Map<string, DialogSession>();
  readonly #byCallId = new Map<string, readonly DialogSession[]>();

  constructor(endpoint: Pick<SipEndpoint, 'knows' | 'trace'>) {
    this.#endpoint = endpoint;
  }

  get size(): number {
    return this.#running.size;
  }

  /** @returns how the session leaves */
  adopt(session: DialogSession): () => void {
    const { id, callId } = session;
    this.#running.set(id, session);
    this.#byCallId.set(callId, [...(this.#byCallId.get(callId) ?? []), session]);
    void session.ended.then(({ by, status = 0 }) => {
      const failed = by === 'error' || by === 'timeout' || by === 'crash' || isFailure(status);
      this.#endpoint.trace.ended(callId, failed);
    });
    return () => {
      this.#running.delete(id);
      const others = this.#byCallId.get(callId)?.filter((one) => one !== session) ?? [];
      if (others.length > 0) this.#byCallId.set(callId, others);
      else this.#byCallId.delete(callId);
    };
  }

  get all(): readonly DialogSession[] {
    return [...this.#running.values()];
  }

  /** By its id, or by its Call-ID: of several that have it, the first. */
  find(name: string): DialogSession | undefined {
    return this.#running.get(name) ?? this.#byCallId.get(name)?.[0];
  }

  /** The leg of ours with this Call-ID. */
  outgoing(callId: string): DialogClientSession | undefined {
    return this.#byCallId.get(callId)?.find((session) => session instanceof DialogClientSession);
  }

  /** The one whose audio that is. */
  withMedia(leg: MediaLeg): DialogSession | undefined {
    for (const session of this.#running.values()) if (session.mediaLeg === leg) return session;
    return undefined;
  }

  /** The one whose dialog that is. */
  named(replaces: Replaces): DialogSession | undefined {
    // To look through all calls for every INVITE of a guesser would be too much.
    if (!this.#endpoint.knows(replaces)) return undefined;
    for (const session of this.#running.values()) if (session.isNamedBy(replaces)) return session;
    return undefined;
  }

  /** Resolves when those that run now are over. */
  async over(): Promise<void> {
    await Promise.all(this.all.map((session) => session.ended));
  }

  /** Hangs up those that run now; resolves when their peers have answered. */
  async hangup(reason: string): Promise<void> {
    await Promise.all(this.all.map((session) => session.hangup({ reason }).catch(() => {})));
  }
}
