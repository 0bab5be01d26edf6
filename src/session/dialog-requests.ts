/** What the peer asks for within a call, beside its end. Each request is answered here, or by whom it is given to. */
import type { IceCandidate } from '../../media/index.ts';
import type { Dialog } from '../sip/dialog.ts';
import type { IncomingRequest } from '../sip/endpoint.ts';
import { sdpType } from './dialog-media.ts';
import type { DialogSession } from './dialog-session.ts';
import { followed } from './follower.ts';
import { IncomingMessage } from './messages.ts';
import type { Negotiation } from './negotiation.ts';
import { IncomingRefer, readRefer } from './refer-in.ts';
import type { ReferralBoard } from './refer-out.ts';
import type { SessionContext } from './session-context.ts';
import type { SessionDigits } from './session-digits.ts';
import { isTrickle, readFragment } from './trickle.ts';

/** The parts of a session that take requests. */
export interface RequestParts {
  readonly negotiation: Negotiation;
  readonly referrals: ReferralBoard;
  readonly digits: SessionDigits;
  /** The peer names more places where it may be reached. */
  candidates(ufrag: string | undefined, candidates: readonly IceCandidate[]): void;
}

export class DialogRequests {
  readonly #session: DialogSession;
  readonly #context: SessionContext;
  readonly #parts: RequestParts;
  /** A REFER that is being done. */
  #refer: IncomingRefer | undefined;

  constructor(session: DialogSession, context: SessionContext, parts: RequestParts) {
    this.#session = session;
    this.#context = context;
    this.#parts = parts;
  }

  /** @param dialog the session's, in which it came */
  receive(dialog: Dialog, incoming: IncomingRequest): void {
    const { method, body } = incoming.request;
    const { negotiation, referrals, digits } = this.#parts;
    const { clock, background, received } = this.#context;
    switch (method) {
      case 'INVITE':
      case 'UPDATE':
      case 'PRACK':
        background(negotiation.receive(incoming));
        return;
      case 'REFER':
        background(this.#referred(dialog, incoming));
        return;
      case 'SUBSCRIBE':
        // What a call is told of comes by REFER alone.
        incoming.respond(489, { headers: [['Allow-Events', 'refer']] });
        return;
      case 'NOTIFY':
        referrals.notified(incoming);
        return;
      case 'MESSAGE':
        received(new IncomingMessage(clock, incoming, this.#session));
        return;
      case 'INFO':
        if (isTrickle(incoming.request)) this.#trickled(incoming);
        else digits.receive(incoming);
        return;
      default:
        if (body.length === 0) incoming.respond(200);
        else incoming.respond(415, { headers: [['Accept', sdpType]] });
    }
  }

  /** The call is over: nobody is to be told any more how a REFER goes. */
  close(): void {
    this.#refer?.close();
  }

  /** RFC 8840 §5. */
  #trickled(incoming: IncomingRequest): void {
    const fragment = readFragment(incoming.request.body);
    if (!fragment.ok) {
      incoming.respond(400, { reason: 'Bad SDP Fragment' });
      return;
    }
    incoming.respond(200);
    const { ufrag, candidates } = fragment.value;
    this.#parts.candidates(ufrag, candidates);
  }

  async #referred(dialog: Dialog, incoming: IncomingRequest): Promise<void> {
    const session = this.#session;
    const target = readRefer(incoming.request);
    if (!target.ok) {
      incoming.respond(target.error.status, { reason: target.error.reason });
      return;
    }
    if (this.#refer || (session.state !== 'confirmed' && session.state !== 'answered')) {
      incoming.respond(491);
      return;
    }
    const { transfers, clock } = this.#context;
    const refer = new IncomingRefer(clock, dialog, incoming, target.value, {
      execute: (options) => transfers.execute(session, refer, options),
      pass: (options) => transfers.pass(session, refer, options),
    });
    this.#refer = refer;
    const { uri, replaces } = target.value;
    const activity = session.activity('transfer', { to: uri, attended: replaces !== undefined });
    await followed(
      activity,
      () => refer.handle(session.onRefer ?? transfers.onRefer),
      () => ({ status: refer.status }),
    );
    this.#refer = undefined;
  }
}
