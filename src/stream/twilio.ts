/**
 * Twilio's Media Streams, bidirectional: JSON in text messages, µ-law at 8 kHz in base64
 * (https://www.twilio.com/docs/voice/media-streams/websocket-messages).
 */
import { compressG711, expandG711 } from '../../media/index.ts';
import type { StreamDialect, StreamFacts, StreamRequest } from './dialect.ts';
import { objectIn } from './json.ts';

const track = 'inbound';

export class TwilioDialect implements StreamDialect {
  readonly sampleRate = 8000;
  readonly protocols = [];
  readonly answersClearedMarks = true;
  readonly #facts: StreamFacts;
  readonly #streamSid: string;
  readonly #callSid: string;
  #sequence = 0;
  #chunk = 0;

  constructor(facts: StreamFacts) {
    this.#facts = facts;
    this.#streamSid = `MZ${facts.id}`;
    this.#callSid = `CA${facts.id}`;
  }

  start(): readonly string[] {
    const { callId, from, to, parameters } = this.#facts;
    return [
      JSON.stringify({ event: 'connected', protocol: 'Call', version: '1.0.0' }),
      this.#say('start', {
        start: {
          streamSid: this.#streamSid,
          accountSid: `AC${'0'.repeat(32)}`,
          callSid: this.#callSid,
          tracks: [track],
          customParameters: { ...parameters, 'sip-call-id': callId, from, to },
          mediaFormat: { encoding: 'audio/x-mulaw', sampleRate: this.sampleRate, channels: 1 },
        },
      }),
    ];
  }

  audio(samples: Int16Array, atMs: number): string {
    const payload = Buffer.from(compressG711('mu', samples)).toString('base64');
    const media = { track, chunk: String(++this.#chunk), timestamp: String(Math.round(atMs)), payload };
    return this.#say('media', { media });
  }

  dtmf(digit: string): string {
    return this.#say('dtmf', { dtmf: { track: 'inbound_track', digit } });
  }

  full(): undefined {}

  drained(): undefined {}

  status(): undefined {}

  stop(): string {
    return this.#say('stop', { stop: { accountSid: `AC${'0'.repeat(32)}`, callSid: this.#callSid } });
  }

  read(message: string | Uint8Array): readonly StreamRequest[] | undefined {
    const said = typeof message === 'string' ? objectIn(message) : undefined;
    if (!said || (said.streamSid !== undefined && said.streamSid !== this.#streamSid)) return undefined;
    switch (said.event) {
      case 'media': {
        const payload = (said.media as { readonly payload?: unknown } | undefined)?.payload;
        if (typeof payload !== 'string') return undefined;
        return [{ do: 'play', samples: expandG711('mu', Buffer.from(payload, 'base64')) }];
      }
      case 'mark': {
        const name = (said.mark as { readonly name?: unknown } | undefined)?.name;
        if (typeof name !== 'string') return undefined;
        return [{ do: 'mark', answer: () => this.#say('mark', { mark: { name } }) }];
      }
      case 'clear':
        return [{ do: 'clear' }];
      default:
        return undefined;
    }
  }

  #say(event: string, what: Readonly<Record<string, unknown>>): string {
    return JSON.stringify({ event, sequenceNumber: String(++this.#sequence), ...what, streamSid: this.#streamSid });
  }
}
