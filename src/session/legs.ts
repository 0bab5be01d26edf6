/** Makes the sessions of calls, each with its audio. */
import type { IceMode, MediaLeg } from '../../media/index.ts';
import { TandemError } from '../base/errors.ts';
import { token } from '../base/random.ts';
import type { Dialog } from '../sip/dialog.ts';
import { addressOf, readRequest } from '../sip/dialog-snapshot.ts';
import { AnsweredInvite, type InviteServer } from '../sip/endpoint.ts';
import { noParams } from '../sip/message.ts';
import type { CallData, LegBirth } from './call-data.ts';
import {
  DialogClientSession,
  type InviteOptions,
  type InviteTarget,
  type OutgoingLeg,
} from './dialog-client-session.ts';
import { DialogMedia, type DialogMediaOptions, type MediaPlace, type SrtpMode } from './dialog-media.ts';
import { type Arrival, DialogServerSession, type InviteLeg } from './dialog-server-session.ts';
import type { DialogSession } from './dialog-session.ts';
import type { MediaPlaces } from './media-places.ts';
import { outgoingLeg } from './outgoing.ts';
import type { SessionContext } from './session-context.ts';
import type { SessionSnapshot } from './session-snapshot.ts';

/** What a leg of an earlier process is made of again. */
export interface LegAgain {
  readonly session: SessionSnapshot;
  readonly birth: LegBirth;
  readonly dialog: Dialog;
  readonly data: CallData;
  readonly leg: MediaLeg;
  /** The session that it was made for. */
  readonly beside: DialogSession | undefined;
}

export class Legs {
  readonly #context: SessionContext;
  readonly #places: MediaPlaces;
  readonly #srtp: SrtpMode;
  readonly #ice: IceMode;
  readonly #stunServer: DialogMediaOptions['stunServer'];
  #saidKeysInClear = false;
  readonly #inviteLeg: InviteLeg = (target, options, a) =>
    this.outgoing(target, { originator: a, call: a, ...options });

  /** @param srtp where neither the call nor its trunk says another */
  constructor(
    context: SessionContext,
    places: MediaPlaces,
    { srtp, ice, stunServer }: Pick<DialogMediaOptions, 'ice' | 'stunServer'> & { readonly srtp: SrtpMode },
  ) {
    this.#context = context;
    this.#places = places;
    this.#srtp = srtp;
    this.#ice = ice;
    this.#stunServer = stunServer;
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
      this.#inviteLeg,
      arrival,
    );
  }

  /** A leg of an earlier process. @param leg its media, going on already */
  again({ session, birth, dialog, data, leg, beside }: LegAgain): DialogServerSession | DialogClientSession {
    const { callId, part } = session;
    const lost = async (): Promise<MediaPlace> => {
      throw new TandemError('ERR_STATE', 'the place of this leg is settled');
    };
    if (!session.media) throw new TandemError('ERR_STATE', 'the leg had no audio');
    const media = DialogMedia.restore(this.#options(callId, lost), session.media, leg);
    const former = { session, birth, dialog };
    const answer = session.dialog?.answer;
    if (part.kind === 'server') {
      const request = readRequest(part.invite);
      if (!request) throw new TandemError('ERR_STATE', 'its INVITE cannot be read');
      const { user, trunk } = part;
      const invite = new AnsweredInvite(request, dialog, dialog.peer, answer);
      return new DialogServerSession(this.#context, invite, media, this.#inviteLeg, {
        ...{ user, trunk, toUser: session.toUser, data, former },
      });
    }
    const from = addressOf(part.from);
    const to = { displayName: undefined, uri: part.uri, params: noParams };
    const sip = { uri: part.uri, from, to, transport: session.transport };
    const prepare = (options: InviteOptions): OutgoingLeg => ({ sip, codecs: undefined, beside, options });
    const client = new DialogClientSession(this.#context, data, callId, prepare, media, former);
    if (answer)
      dialog.acks.answerAgain(
        answer,
        () => {},
        () => void client.terminate({ by: 'timeout', status: 408, reason: 'no ACK' }),
      );
    return client;
  }

  #media(callId: string, place: () => Promise<MediaPlace>, srtp?: SrtpMode): DialogMedia {
    return new DialogMedia(this.#options(callId, place, srtp));
  }

  #options(callId: string, place: () => Promise<MediaPlace>, srtp?: SrtpMode): DialogMediaOptions {
    const { media, random, codecs } = this.#context;
    return {
      callId,
      place,
      media,
      random,
      codecs,
      srtp,
      defaultSrtp: this.#srtp,
      ice: this.#ice,
      stunServer: this.#stunServer,
      onKeysInClear: () => this.#keysInClear(),
    };
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
