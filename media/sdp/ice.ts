/** ICE in SDP (RFC 8839): who each side is, and where it may be reached. */
import { parseCandidate, printCandidate } from '../ice/candidate.ts';
import { areIceCredentials } from '../ice/credentials.ts';
import type { IceCandidate, IceCredentials } from '../ice/types.ts';
import type { NegotiatedAudio, SdpAttribute, SdpMedia, SdpSession } from './types.ts';

/** `lite`: answers the peer's checks (RFC 8445 §2.5); `full`: makes checks of its own; `off`: does without. */
export type IceMode = 'off' | 'lite' | 'full';

export const iceModes: readonly IceMode[] = ['off', 'lite', 'full'];

/** What we say of ourselves. */
export interface LocalIce {
  readonly lite: boolean;
  readonly candidates: readonly IceCandidate[];
  /** Ours, by those of the peer: new ones of it are answered with new ones (RFC 8839 §4.4.1.1.1). */
  readonly credentials: (peer: IceCredentials | undefined) => IceCredentials;
}

/** What the peer says of itself. */
export interface RemoteIce {
  readonly credentials: IceCredentials;
  readonly lite: boolean;
  readonly candidates: readonly IceCandidate[];
  readonly endOfCandidates: boolean;
}

/** More than any peer has; the rest is passed over. */
const mostCandidates = 64;

/** Undefined where the peer does without, or says too little. */
export function remoteIce(
  media: Pick<SdpMedia, 'attributes'>,
  session: readonly SdpAttribute[],
): RemoteIce | undefined {
  const all = [...media.attributes, ...session];
  const credentials = { ufrag: valueIn(all, 'ice-ufrag') ?? '', pwd: valueIn(all, 'ice-pwd') ?? '' };
  if (!areIceCredentials(credentials)) return undefined;
  return {
    credentials,
    lite: session.some(({ name }) => name === 'ice-lite'),
    candidates: candidatesIn(media.attributes),
    endOfCandidates: all.some(({ name }) => name === 'end-of-candidates'),
  };
}

/** Those of RTP that we understand. */
export function candidatesIn(attributes: readonly SdpAttribute[]): IceCandidate[] {
  const values = attributes.flatMap(({ name, value }) => (name === 'candidate' && value !== undefined ? [value] : []));
  return values
    .slice(0, mostCandidates)
    .flatMap((value) => parseCandidate(value) ?? [])
    .filter(({ component }) => component === 1);
}

/** A fragment with candidates that come behind an offer or an answer (RFC 8840 §9). */
export function candidatesOfFragment({ media, attributes }: Pick<SdpSession, 'media' | 'attributes'>): {
  readonly ufrag: string | undefined;
  readonly candidates: readonly IceCandidate[];
} {
  const all = [...attributes, ...media.flatMap((one) => one.attributes)];
  return { ufrag: valueIn(all, 'ice-ufrag'), candidates: candidatesIn(all) };
}

export function iceAttributes({ ufrag, pwd }: IceCredentials, candidates: readonly IceCandidate[]): SdpAttribute[] {
  return [
    { name: 'ice-ufrag', value: ufrag },
    { name: 'ice-pwd', value: pwd },
    ...candidates.map((candidate) => ({ name: 'candidate', value: printCandidate(candidate) })),
    { name: 'end-of-candidates', value: undefined },
  ];
}

/** The credentials in a description of ours. */
export function ownCredentials({ attributes }: Pick<SdpMedia, 'attributes'>): IceCredentials | undefined {
  const ufrag = valueIn(attributes, 'ice-ufrag');
  const pwd = valueIn(attributes, 'ice-pwd');
  return ufrag && pwd ? { ufrag, pwd } : undefined;
}

/** What an offer and its answer settle. @param offerer whether the offer was ours (RFC 8445 §6.1.1) */
export function settledIce(
  local: IceCredentials,
  localLite: boolean,
  localCandidates: readonly IceCandidate[],
  { credentials: remote, lite: remoteLite, candidates, endOfCandidates }: RemoteIce,
  offerer: boolean,
): NonNullable<NegotiatedAudio['ice']> {
  const controlling = localLite === remoteLite ? offerer : remoteLite;
  const role = controlling ? 'controlling' : 'controlled';
  return { local, remote, localLite, localCandidates, remoteLite, role, candidates, endOfCandidates };
}

function valueIn(attributes: readonly SdpAttribute[], name: string): string | undefined {
  return attributes.find((attribute) => attribute.name === name)?.value?.trim();
}
