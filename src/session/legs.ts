/** Makes the sessions of calls, each with its audio. */
import { token } from '../base/random.ts';
import type { InviteServer } from '../sip/endpoint.ts';
import { DialogClientSession, type InviteOptions, type InviteTarget } from './dialog-client-session.ts';
import { DialogMedia, type MediaPlace, type SrtpMode } from './dialog-media.ts';
import { type Arrival, DialogServerSession } from './dialog-server-session.ts';
import type { MediaPlaces } from './media-places.ts';
import { outgoingLeg } from './outgoing.ts';
import type { SessionContext } from './session-context.ts';

export class Legs {
  readonly #context: SessionContext;
  readonly #places: MediaPlaces;
  readonly #srtp: SrtpMode;
  #saidKeysInClear = false;

  /** @param srtp where neither the call nor its trunk says another */
  constructor(context: SessionContext, places: MediaPlaces, srtp: SrtpMode) {
    this.#context = context;
    this.#places = places;
    this.#srtp = srtp;
  }

  /** An outgoing call that is not sent yet. @throws TandemError ERR_ARGUMENT for a URI that cannot be called */
  outgoing(target: InviteTarget, options: InviteOptions): DialogClientSession {
    const { endpoint, codecs, random, callData } = this.#context;
    const prepare = (more: InviteOptions) => outgoingLeg(target, { ...options, ...more }, endpoint.listeners, codecs);
    const callId = token(random, 16);
    const media = this.#media(callId, () => this.#places.towards(target, options));
    return new DialogClientSession(this.#context, options.call?.data ?? callData(), callId, prepare, media);
  }

  incoming(invite: InviteServer, arrival: Arrival): DialogServerSession {
    const { callId } = invite.request.headers;
    return new DialogServerSession(
      this.#context,
      invite,
      this.#media(callId, async () => this.#places.at(invite.listener, invite.flow.address), arrival.srtp),
      (target, options, a) => this.outgoing(target, { originator: a, call: a, ...options }),
      arrival,
    );
  }

  #media(callId: string, place: () => Promise<MediaPlace>, srtp: SrtpMode = this.#srtp): DialogMedia {
    const { media, random, codecs } = this.#context;
    return new DialogMedia({
      callId,
      place,
      media,
      random,
      codecs,
      srtp,
      onKeysInClear: () => this.#keysInClear(),
    });
  }

  #keysInClear(): void {
    if (this.#saidKeysInClear) return;
    this.#saidKeysInClear = true;
    this.#context.logger.warn(
      {},
      'keys of SRTP go over SIP that is not encrypted: who reads it hears the calls; use tls or wss',
    );
  }
}
