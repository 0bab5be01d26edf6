/** What we can do, as requests and responses say it, and as OPTIONS is told of it (RFC 3261 §11.2). */
import { type Codec, createOffer, printSdp } from '../../media/index.ts';
import { headerValues, type SipRequest } from '../sip/message.ts';
import type { OptionsAnswer, SipEndpointOptions } from '../sip/options.ts';
import { sdpType } from './dialog-media.ts';
import { infoTypes } from './info-dtmf.ts';

export interface Features {
  readonly sessionTimers: boolean;
  /** Reliable provisional responses (RFC 3262). */
  readonly reliable: boolean;
  readonly replaces: boolean;
}

/** What Allow and Supported say. */
export function featuresOf({
  sessionTimers,
  reliable,
  replaces,
}: Features): Required<Pick<SipEndpointOptions, 'methods' | 'supported'>> {
  return {
    methods: ['INFO', 'REFER', 'NOTIFY', 'UPDATE', ...(reliable ? ['PRACK'] : [])],
    supported: [
      ...(sessionTimers ? ['timer'] : []),
      ...(reliable ? ['100rel'] : []),
      ...(replaces ? ['replaces'] : []),
    ],
  };
}

export interface Capabilities {
  readonly codecs: readonly Codec[];
  /** No new calls are taken. */
  readonly draining: boolean;
  readonly events: readonly string[];
}

/** SDP of what we could do goes to who asks for it by `Accept: application/sdp`; most only want to know that we live. */
export function answerOptions(request: SipRequest, { codecs, draining, events }: Capabilities): OptionsAnswer {
  if (draining) return { status: 503, headers: [['Retry-After', '30']] };
  const headers = [
    ['Accept', infoTypes],
    ['Allow-Events', events.join(', ')],
  ] as const;
  const asked = headerValues(request, 'accept').some((value) => value.toLowerCase().includes(sdpType));
  if (!asked) return { status: 200, headers };
  // RFC 3264 §9: a port of 0 says that no session is meant.
  const description = createOffer({
    origin: { sessionId: '0', version: 0 },
    local: { address: '0.0.0.0', port: 0 },
    codecs,
    direction: 'sendrecv',
  });
  return { status: 200, headers, contentType: sdpType, body: Buffer.from(printSdp(description), 'utf8') };
}
