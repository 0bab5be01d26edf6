/** Candidates that come behind an offer or an answer, in INFO (RFC 8840): `application/trickle-ice-sdpfrag`. */
import { candidatesOfFragment, type IceCandidate, parseSdp } from '../../media/index.ts';
import { ok, type Result } from '../base/errors.ts';
import { mediaType } from '../sip/event.ts';
import { header, type SipRequest } from '../sip/message.ts';

const fragmentType = 'application/trickle-ice-sdpfrag';
/** What a description has and its fragment has not. */
const head = 'v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n';

export function isTrickle(request: SipRequest): boolean {
  return mediaType(header(request, 'content-type')) === fragmentType;
}

export function readFragment(body: Uint8Array): Result<{
  readonly ufrag: string | undefined;
  readonly candidates: readonly IceCandidate[];
}> {
  const parsed = parseSdp(head + Buffer.from(body).toString('utf8'));
  return parsed.ok ? ok(candidatesOfFragment(parsed.value)) : parsed;
}
