/**
 * The audio side of one dialog: its media leg and the offer/answer exchanges (RFC 3264) that
 * settle what the leg sends and receives. One owner: the session.
 */
import {
  acceptAnswer,
  type Codec,
  comfortNoise,
  createAnswer,
  createOffer,
  type Direction,
  type DtlsIdentity,
  hostCandidate,
  type IceCandidate,
  type IceCredentials,
  type IceMode,
  type LocalDtls,
  type LocalIce,
  type LocalSrtp,
  type Media,
  type MediaLeg,
  type NegotiatedAudio,
  newIceCredentials,
  newMasterKey,
  parseSdp,
  printSdp,
  type SdpOrigin,
  type SdpSession,
  type SrtpMode,
  sameCodec,
  sameCredentials,
  sameDescription,
  type UdpPeer,
  withVersion,
} from '../../media/index.ts';
import { TandemError } from '../base/errors.ts';
import type { Random } from '../base/random.ts';
import type { DialogMediaSnapshot } from './session-snapshot.ts';

export { type SrtpMode, srtpModes } from '../../media/index.ts';

export const sdpType = 'application/sdp';

export interface DialogMediaOptions {
  readonly media: Media;
  readonly random: Random;
  readonly callId: string;
  /** Where our packets are bound and what SDP says of it; asked once, when the leg is made. */
  readonly place: () => Promise<MediaPlace>;
  /** In order of preference. */
  readonly codecs: readonly Codec[];
  /** Of this call; undefined: as `defaultSrtp`, but DTLS to who is called over WebSocket. */
  readonly srtp: SrtpMode | undefined;
  readonly defaultSrtp: SrtpMode;
  readonly ice: IceMode;
  /** Who tells where others see us, with `ice` `full`; undefined: nobody. */
  readonly stunServer: (() => Promise<UdpPeer | undefined>) | undefined;
  /** Keys of SRTP have gone, or are going, over a connection that is not encrypted. */
  readonly onKeysInClear: () => void;
}

export interface MediaPlace {
  readonly bindAddress: string;
  readonly address: string;
  /** Whether SIP with the peer is encrypted (RFC 4568 §8.3: keys are as safe as it is). */
  readonly secure: boolean;
  /** Signalling goes over WebSocket: who is called there wants ICE, and keys by DTLS. */
  readonly web: boolean;
  /** Addresses under which the same port may be reached as well, for ICE. */
  readonly others: readonly string[];
}

/** An offer of ours that waits for its answer. */
export interface Offer {
  readonly body: Uint8Array;
  readonly session: SdpSession;
  readonly direction: Direction;
  readonly leg: MediaLeg;
}

export interface OfferOptions {
  /** Offer just these, with these payload types; default: all that are configured. */
  readonly codecs?: readonly Codec[];
  readonly direction?: Direction;
  /** Look for the way to the peer anew (RFC 8445 §9). */
  readonly iceRestart?: boolean;
}

export type HeldBy = 'local' | 'remote' | 'both';

const encoder = new TextEncoder();
const ignore = (): void => {};

export class DialogMedia {
  readonly #options: DialogMediaOptions;
  readonly #sessionId: string;
  /** Our keys by suite, in base64: made when one is needed, and the same from then on. */
  readonly #keys = new Map<string, string>();
  #srtp: SrtpMode | undefined;
  /** Offer ICE; undefined: as the place of the leg wants it. */
  #offersIce: boolean | undefined;
  #secure = true;
  #web = false;
  #bindAddress = '';
  #address = '127.0.0.1';
  #others: readonly string[] = [];
  /** Where a STUN server sees our leg. */
  #reflexive: IceCandidate | undefined;
  /** Our ICE credentials in an offer that has no answer yet. */
  #offeredIce: IceCredentials | undefined;
  /** What we show the peer in a DTLS handshake: the same as long as the leg lasts. */
  #identity: DtlsIdentity | undefined;
  #leg: MediaLeg | undefined;
  #opening: Promise<MediaLeg> | undefined;
  /** What we sent last: streams keep their places and codecs their payload types (RFC 3264 §8). */
  #sent: SdpSession | undefined;
  #version = 1;
  #audio: NegotiatedAudio | undefined;
  #direction: Direction = 'sendrecv';
  #peerHolds = false;
  #closing: Promise<void> | undefined;
  #whenSettled: ((leg: MediaLeg) => void)[] = [];
  /** Called once when the leg exists. */
  onLeg: (leg: MediaLeg) => void = () => {};
  /** Called after each exchange. */
  onSettled: () => void = () => {};

  constructor(options: DialogMediaOptions, sessionId = String(options.random.uint32())) {
    this.#options = options;
    this.#sessionId = sessionId;
    this.#srtp = options.srtp;
  }

  /**
   * Goes on with the exchanges of an earlier process.
   * @param leg built again of what its engine said last
   */
  static restore(options: DialogMediaOptions, snapshot: DialogMediaSnapshot, leg: MediaLeg): DialogMedia {
    const media = new DialogMedia(options, snapshot.sessionId);
    media.#srtp = snapshot.srtp;
    media.#secure = snapshot.secure;
    media.#web = snapshot.web;
    media.#bindAddress = snapshot.bindAddress;
    media.#address = snapshot.address;
    media.#others = snapshot.others;
    media.#offersIce = snapshot.offersIce;
    media.#identity = snapshot.identity;
    media.#version = snapshot.version;
    media.#sent = snapshot.sent;
    media.#audio = snapshot.audio;
    media.#direction = snapshot.direction;
    media.#peerHolds = snapshot.peerHolds;
    for (const [suite, key] of snapshot.keys) media.#keys.set(suite, key);
    media.#leg = leg;
    media.#opening = Promise.resolve(leg);
    return media;
  }

  /** As plain data; undefined as long as there is no leg. */
  get snapshot(): DialogMediaSnapshot | undefined {
    if (!this.#leg) return undefined;
    return {
      leg: this.#leg.id,
      sessionId: this.#sessionId,
      version: this.#version,
      keys: [...this.#keys],
      srtp: this.#srtp,
      secure: this.#secure,
      web: this.#web,
      bindAddress: this.#bindAddress,
      address: this.#address,
      others: this.#others,
      offersIce: this.#offersIce,
      // A key that nobody was shown is not written down.
      identity: this.#audio?.dtls && this.#identity,
      sent: this.#sent,
      audio: this.#audio,
      direction: this.#direction,
      peerHolds: this.#peerHolds,
    };
  }

  /** Overrides what was configured; to be set before the first offer or answer. */
  set srtp(mode: SrtpMode) {
    this.#srtp = mode;
  }

  /** Whether we offer ICE; overrides what the place of the leg wants. To be set before the first offer. */
  set offersIce(offers: boolean) {
    this.#offersIce = offers;
  }

  /** More places where the peer may be reached, that came behind its offer or answer (RFC 8838). */
  addCandidates(ufrag: string | undefined, candidates: readonly IceCandidate[]): void {
    // Those of before a restart are of no use any more.
    if (ufrag !== undefined && ufrag !== this.#audio?.ice?.remote?.ufrag) return;
    this.#leg?.addCandidates(candidates);
  }

  /** The leg, once `open` has been through. */
  get leg(): MediaLeg | undefined {
    return this.#leg;
  }

  /** What the last finished exchange settled. */
  get audio(): NegotiatedAudio | undefined {
    return this.#audio;
  }

  /** What we want, whatever the peer lets us have. */
  get direction(): Direction {
    return this.#direction;
  }

  /** Which side wants to hear nothing of the other (RFC 3264 §8.4). */
  get held(): HeldBy | undefined {
    const weHold = this.#direction === 'sendonly' || this.#direction === 'inactive';
    if (weHold && this.#peerHolds) return 'both';
    if (weHold) return 'local';
    return this.#peerHolds ? 'remote' : undefined;
  }

  /** The leg for something that needs audio now. Throws ERR_NO_MEDIA while nothing is negotiated. */
  get ready(): MediaLeg {
    if (!this.#leg || !this.#audio) {
      throw new TandemError('ERR_NO_MEDIA', 'no audio yet: answer() the call (or progressMedia()) first', {
        facts: { callId: this.#options.callId },
      });
    }
    return this.#leg;
  }

  /**
   * Calls `wire` with the leg as soon as audio is negotiated, in the very turn of that: before the answer is sent.
   * At once if it is already.
   */
  whenSettled(wire: (leg: MediaLeg) => void): void {
    if (this.#leg && this.#audio) wire(this.#leg);
    else this.#whenSettled.push(wire);
  }

  /** Takes a port pair, once. @param beside place the leg in the same media worker as this one. */
  open(beside?: MediaLeg): Promise<MediaLeg> {
    this.#opening ??= this.#create(beside);
    return this.#opening;
  }

  async #create(beside: MediaLeg | undefined): Promise<MediaLeg> {
    const { media, place, callId } = this.#options;
    const { bindAddress, address, secure, web, others } = await place();
    this.#bindAddress = bindAddress;
    this.#address = address;
    this.#others = others;
    this.#secure = secure;
    this.#web = web;
    const leg = await media.createLeg({ bindAddress, callId, ...(beside ? { beside } : {}) });
    await this.#gather(leg);
    this.#leg = leg;
    if (this.#closing) await leg.close();
    else this.onLeg(leg);
    return leg;
  }

  /** A server that cannot be asked is no reason to have no call. */
  async #gather(leg: MediaLeg): Promise<void> {
    const { ice, stunServer } = this.#options;
    if (ice !== 'full' || !stunServer || !(this.#offersIce ?? this.#web)) return;
    try {
      const server = await stunServer();
      if (server) this.#reflexive = await leg.gather(hostCandidate(this.#address, leg.port), server);
    } catch {
      this.#reflexive = undefined;
    }
  }

  /** Makes an offer; `accept` finishes the exchange. */
  async offer(options: OfferOptions = {}): Promise<Offer> {
    const leg = await this.open();
    const direction = options.direction ?? this.#direction;
    const session = createOffer({
      origin: this.#origin,
      local: this.#local(leg),
      codecs: options.codecs ?? this.#codecs(),
      direction,
      rtcpMux: this.#options.media.rtcpMux || this.#audio?.rtcpMux === true,
      rtcpXr: this.#options.media.rtcpXr || this.#audio?.rtcpXr !== undefined,
      srtp: this.#localSrtp(this.#offeredSrtp),
      dtls: this.#localDtls,
      ...this.#localIce(leg),
      ...this.#iceWith(options.iceRestart ?? false),
      ...(this.#sent ? { previous: this.#sent } : {}),
    });
    return { body: this.#print(session), session, direction, leg };
  }

  /** An offer of what was sent last, under the same version: it changes nothing (RFC 3264 §8). */
  async repeat(): Promise<Offer> {
    const session = this.#sent;
    if (!session) return this.offer();
    return { body: this.#print(session), session, direction: this.#direction, leg: await this.open() };
  }

  /** Takes the peer's answer to an offer of ours. Throws ERR_SDP (status 488). */
  accept(body: Uint8Array, offer: Offer): NegotiatedAudio {
    const answer = parse(body);
    const accepted = acceptAnswer(offer.session, answer);
    if (!accepted.ok) throw sdpError(accepted.error.status, accepted.error.message);
    if (this.#mode === 'required' && !accepted.value.srtp && !accepted.value.dtls)
      throw sdpError(488, 'SRTP is required, the answer has none');
    this.#direction = offer.direction;
    return this.#settle(offer.leg, accepted.value);
  }

  /**
   * Answers the peer's offer. Throws ERR_SDP: 400 for what cannot be read, 488 for what we cannot do;
   * what was settled before stays then.
   * @param only take one of these codecs, as for the other leg of a strict bridge.
   * @param direction ours this once, where it is not what we want but what somebody else lets us have
   */
  async answer(body: Uint8Array, only?: readonly Codec[], direction = this.#direction): Promise<Uint8Array> {
    const offer = parse(body);
    const leg = await this.open();
    const answered = createAnswer(offer, {
      origin: this.#origin,
      local: this.#local(leg),
      codecs: only ?? this.#codecs(),
      direction,
      srtp: this.#localSrtp(this.#mode),
      dtls: this.#localDtls,
      ...this.#localIce(leg),
    });
    if (!answered.ok) throw sdpError(answered.error.status, answered.error.message, answered.error.warning);
    this.#settle(leg, answered.value.audio);
    return this.#print(answered.value.answer);
  }

  /** What `answer` would settle, without settling it: to narrow a B leg's offer to the A leg's codec. */
  preview(body: Uint8Array, only?: readonly Codec[], direction = this.#direction): NegotiatedAudio | undefined {
    const offer = parseSdp(body);
    if (!offer.ok) return undefined;
    const answered = createAnswer(offer.value, {
      origin: this.#origin,
      local: { address: this.#address, port: 9 },
      codecs: only ?? this.#codecs(),
      direction,
      srtp: this.#localSrtp(this.#mode),
      dtls: this.#localDtls,
    });
    return answered.ok ? answered.value.audio : undefined;
  }

  /** What was settled in one of several early dialogs counts from now on. */
  use(audio: NegotiatedAudio): void {
    if (this.#leg && audio !== this.#audio) this.#settle(this.#leg, audio);
  }

  close(): Promise<void> {
    // A leg that is still being made closes itself when it is there.
    this.#closing ??= this.#leg ? this.#leg.close() : Promise.resolve(this.#opening).then(ignore, ignore);
    return this.#closing;
  }

  #settle(leg: MediaLeg, audio: NegotiatedAudio): NegotiatedAudio {
    this.#audio = audio;
    // Of a peer that we send nothing to it cannot be told whether it would hear us.
    if (sends(this.#direction)) this.#peerHolds = !sends(audio.direction);
    // A key that was given up is not used again: nobody has counted its packets meanwhile.
    if (!audio.srtp) this.#keys.clear();
    else if (!this.#secure) this.#options.onKeysInClear();
    this.#offeredIce = undefined;
    leg.negotiate(audio, audio.dtls && this.#own);
    for (const wire of this.#whenSettled.splice(0)) wire(leg);
    this.onSettled();
    return audio;
  }

  /** Ours, with the codec in use first, so that a re-INVITE does not change it without need. */
  #codecs(): readonly Codec[] {
    const { codecs } = this.#options;
    const current = this.#audio?.codec;
    if (!current) return codecs;
    return codecs.toSorted((a, b) => Number(sameCodec(b, current)) - Number(sameCodec(a, current)));
  }

  #local(leg: MediaLeg): { address: string; port: number; rtcpPort: number } {
    return { address: this.#address, port: leg.port, rtcpPort: leg.rtcpPort };
  }

  #localSrtp(mode: SrtpMode): LocalSrtp {
    return {
      mode,
      keyFor: (profile) => {
        const key = this.#keys.get(profile) ?? newMasterKey(profile, this.#options.random);
        this.#keys.set(profile, key);
        return key;
      },
    };
  }

  /** What is wanted of whoever calls us. */
  get #mode(): SrtpMode {
    return this.#srtp ?? this.#options.defaultSrtp;
  }

  /** A peer that took plain RTP is not asked for keys again. */
  get #offeredSrtp(): SrtpMode {
    const audio = this.#audio;
    if (audio) return audio.dtls ? 'dtls' : audio.srtp ? this.#mode : 'off';
    return this.#srtp ?? (this.#web ? 'dtls' : this.#mode);
  }

  get #own(): DtlsIdentity {
    this.#identity ??= this.#options.media.identity;
    return this.#identity;
  }

  get #localDtls(): LocalDtls {
    return { fingerprint: this.#own.fingerprint, role: this.#audio?.dtls?.role };
  }

  #localIce({ port }: MediaLeg): { readonly ice?: LocalIce } {
    const { ice, random } = this.#options;
    if (ice === 'off') return {};
    return {
      ice: {
        lite: ice === 'lite',
        candidates: [
          ...[this.#address, ...this.#others].map((address, index) => hostCandidate(address, port, index)),
          ...(this.#reflexive ? [this.#reflexive] : []),
        ],
        credentials: (peer) => {
          const settled = this.#audio?.ice;
          if (settled && peer && sameCredentials(settled.remote, peer)) return settled.local;
          if (peer) return newIceCredentials(random);
          this.#offeredIce ??= newIceCredentials(random);
          return this.#offeredIce;
        },
      },
    };
  }

  /** With whose credentials ICE is offered, if it is. */
  #iceWith(restart: boolean): { readonly iceWith?: IceCredentials | 'new' } {
    const offers = this.#audio ? this.#audio.ice !== undefined : (this.#offersIce ?? this.#web);
    if (!offers) return {};
    const peer = restart ? undefined : this.#audio?.ice?.remote;
    return { iceWith: peer ?? 'new' };
  }

  get #origin(): SdpOrigin {
    return { sessionId: this.#sessionId, version: this.#version };
  }

  /** The version goes up only when something changed (RFC 3264 §8). */
  #print(session: SdpSession): Uint8Array {
    if (this.#sent && !sameDescription(this.#sent, session)) this.#version++;
    this.#sent = withVersion(session, this.#version);
    return encoder.encode(printSdp(this.#sent));
  }
}

/** What a strict B leg may be offered: A's codec and what A has beside it, nothing that would need converting. */
export function narrowedCodecs({ codec, telephoneEvent, comfortNoise: noise }: NegotiatedAudio): Codec[] {
  const codecs: Codec[] = [codec];
  if (telephoneEvent) {
    const { sendPayloadType: payloadType, clockRate } = telephoneEvent;
    codecs.push({ name: 'telephone-event', payloadType, clockRate, channels: 1, fmtp: '0-16' });
  }
  if (noise) codecs.push({ ...comfortNoise, payloadType: noise.sendPayloadType });
  return codecs;
}

function sends(direction: Direction): boolean {
  return direction === 'sendrecv' || direction === 'sendonly';
}

function parse(body: Uint8Array): SdpSession {
  const parsed = parseSdp(body);
  if (!parsed.ok) throw sdpError(400, `unreadable SDP: ${parsed.error}`);
  return parsed.value;
}

function sdpError(status: number, message: string, warning?: number): TandemError {
  return new TandemError('ERR_SDP', message, { status, ...(warning === undefined ? {} : { facts: { warning } }) });
}
