/** Calls that come in: who gets in, which of them take a place in a call that is here, and the handler of the rest. */
import { isAbort, messageOf, ok, TandemError } from '../base/errors.ts';
import type { DialogClientSession } from '../session/dialog-client-session.ts';
import type { DialogServerSession } from '../session/dialog-server-session.ts';
import type { DialogSession } from '../session/dialog-session.ts';
import type { Legs } from '../session/legs.ts';
import { outcomeOf, unanswered } from '../session/outcome.ts';
import type { SessionContext } from '../session/session-context.ts';
import { shortInterval } from '../session/session-timer.ts';
import type { Sessions } from '../session/sessions.ts';
import { replacePeer, replaceRefusal } from '../session/transfer.ts';
import type { InviteServer } from '../sip/endpoint.ts';
import type { Entrance } from '../sip/entrance.ts';
import { header, type SipRequest } from '../sip/message.ts';
import { type Replaces, replacesIn } from '../sip/replaces.ts';
import { uriUser } from '../sip/uri.ts';
import type { Trunk } from '../trunk/trunk.ts';
import type { Trunks } from '../trunk/trunks.ts';
import type { Admission } from './admission.ts';
import { InviteCounts } from './invite-counts.ts';
import { goOnTalking, type ResumeHandler } from './resume.ts';

/** Handles one call; when it returns, the call is hung up. */
export type CallHandler = (call: DialogServerSession) => Promise<void> | void;

export interface IncomingCallsPorts
  extends Pick<SessionContext, 'background' | 'endpoint' | 'logger' | 'sessionTimers'> {
  readonly admission: Admission;
  readonly entrance: Entrance;
  readonly legs: Legs;
  readonly sessions: Sessions;
  readonly trunks: Trunks;
}

export interface IncomingCallsOptions {
  /** Whether a call may take the place of a peer (RFC 3891). */
  readonly replaces: boolean;
  /** Whether a B leg's 3xx is passed on. */
  readonly passRedirects: boolean | undefined;
}

export class IncomingCalls {
  /** Of the calls that come from now on. */
  handler: CallHandler | undefined;
  /** Of calls that an earlier process had. */
  resumeHandler: ResumeHandler = goOnTalking;
  /** No new calls are taken. */
  draining = false;
  readonly counts = new InviteCounts();
  readonly #ports: IncomingCallsPorts;
  readonly #options: IncomingCallsOptions;

  constructor(ports: IncomingCallsPorts, options: IncomingCallsOptions) {
    this.#ports = ports;
    this.#options = options;
  }

  accept(invite: InviteServer): void {
    this.counts.see();
    if (this.draining) {
      this.#reject(invite, 503, { headers: [['Retry-After', '30']] });
      return;
    }
    if (this.#isLoop(invite.request)) {
      this.#reject(invite, 482);
      return;
    }
    // Who takes a place in a call that is here makes no further one.
    const isFurther = !(this.#options.replaces && header(invite.request, 'replaces') !== undefined);
    if (isFurther && this.#ports.admission.refusal()) {
      this.#reject(invite, 503, { headers: [['Retry-After', String(this.#ports.admission.retryAfter)]] });
      return;
    }
    const trunk = this.#ports.trunks.of(invite.request, invite.flow.address);
    if (trunk) {
      this.#handOver(invite, undefined, trunk);
      return;
    }
    this.#ports.entrance.admit(invite, (entry) => {
      if (invite.cancelled) return;
      if (entry.ok) this.#handOver(invite, entry.user);
      else this.#reject(invite, entry.status, entry);
    });
  }

  /**
   * Goes on with a call of an earlier process.
   * @param sessions its legs, the first one first
   * @param step the one that was begun last
   */
  resume(sessions: readonly (DialogServerSession | DialogClientSession)[], step: string | undefined): void {
    const [first] = sessions;
    if (first) this.#ports.background(this.#resume(first, sessions, step));
  }

  async #resume(
    call: DialogServerSession | DialogClientSession,
    sessions: readonly DialogSession[],
    step: string | undefined,
  ): Promise<void> {
    try {
      await this.resumeHandler(call, step);
    } catch (error) {
      this.#failed(call, error);
    } finally {
      await Promise.all(sessions.map((session) => session.close()));
    }
  }

  /** @returns false for what only tells that the call is over */
  #failed(call: DialogSession, error: unknown): boolean {
    if (isAbort(error, call.signal) || (call.signal.aborted && isMediaClosed(error))) return false;
    const log = this.#ports.logger.child({ callId: call.callId });
    log.warn({ error: messageOf(error), err: error }, 'the call handler threw');
    return true;
  }

  /**
   * An INVITE of ours came back through proxies, for whom the call was before: it would go round until its
   * Max-Forwards is used up. For somebody else it is another call (a spiral, RFC 3261 §6).
   */
  #isLoop({ uri, headers }: SipRequest): boolean {
    const first = this.#ports.sessions.outgoing(headers.callId)?.madeFor?.inviteRequest;
    return first !== undefined && uriUser(first.uri) === uriUser(uri);
  }

  /** @param user who calls, if that is known @param trunk the one that the call came through */
  #handOver(invite: InviteServer, user: string | undefined, trunk?: Trunk): void {
    const replaces = this.#options.replaces ? replacesIn(invite.request) : ok(undefined);
    if (!replaces.ok) {
      this.#reject(invite, 400, { reason: `Bad Request (${replaces.error})` });
      return;
    }
    if (replaces.value) {
      this.#replace(invite, replaces.value, user);
      return;
    }
    const { handler } = this;
    if (!handler) {
      this.#reject(invite, 480);
      return;
    }
    const { legs, sessionTimers, background } = this.#ports;
    const tooShort = shortInterval(invite.request, sessionTimers);
    if (tooShort) {
      this.#reject(invite, 422, { headers: tooShort });
      return;
    }
    const leave = trunk?.admit();
    if (trunk && !leave) {
      this.#reject(invite, 486);
      return;
    }
    const { name, srtp } = trunk ?? {};
    this.counts.track();
    const call = legs.incoming(invite, { user, trunk: name, srtp, toUser: trunk?.calleeOf(invite.request) });
    if (leave) void call.ended.then(leave);
    background(this.#handle(handler, call));
  }

  /** RFC 3891 §3: its caller takes the place of the peer of a call that is here. */
  #replace(invite: InviteServer, replaces: Replaces, user: string | undefined): void {
    const { sessions, endpoint, legs, background } = this.#ports;
    const session = sessions.named(replaces);
    const unknown = endpoint.knows(replaces) ? 603 : 481;
    const refusal = session ? replaceRefusal(session, replaces.earlyOnly) : unknown;
    if (refusal) this.#reject(invite, refusal);
    else if (session) {
      this.counts.track();
      background(replacePeer(session, legs.incoming(invite, { user, data: session.data })));
    }
  }

  #reject(invite: InviteServer, status: number, options?: Parameters<InviteServer['reject']>[1]): void {
    this.counts.reject(status);
    invite.reject(status, options);
  }

  /** Runs the handler; its scope is the call's lifetime. */
  async #handle(handler: CallHandler, call: DialogServerSession): Promise<void> {
    try {
      await handler(call);
      if (call.state !== 'ended' && !call.isAnswered) await call.reject(unanswered.status);
    } catch (error) {
      if (!this.#failed(call, error)) return;
      if (call.state === 'ended' || call.isAnswered) return;
      const { status, reason, headers } = outcomeOf(error, this.#options.passRedirects);
      await call.reject(status, reason, { headers });
    } finally {
      await Promise.all([call.closeLegs(), call.close()]);
    }
  }
}

/** What writing audio to a call that just ended gives. */
function isMediaClosed(error: unknown): boolean {
  return error instanceof TandemError && error.code === 'ERR_MEDIA_CLOSED';
}
