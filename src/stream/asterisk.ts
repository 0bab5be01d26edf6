/**
 * The dialect of Asterisk's chan_websocket: audio in binary messages, control in text messages, as words or as JSON
 * (https://docs.asterisk.org/Configuration/Channel-Drivers/WebSocket).
 */
import { compressG711, expandG711 } from '../../media/index.ts';
import type { QueueStatus, StreamDialect, StreamFacts, StreamRequest } from './dialect.ts';
import { objectIn } from './json.ts';

export type AsteriskFormat = 'ulaw' | 'alaw' | 'slin' | 'slin16' | 'slin24' | 'slin48';

export interface AsteriskOptions {
  /** Default `ulaw`. `slin`…: 16-bit little-endian samples at 8, 16, 24 or 48 kHz. */
  readonly format?: AsteriskFormat;
  /** How control messages are written; default `plain-text`, as Asterisk's. Both are understood. */
  readonly control?: 'plain-text' | 'json';
}

interface Format {
  readonly rate: number;
  readonly bytesPerSample: number;
  readonly encode: (samples: Int16Array) => Uint8Array;
  readonly decode: (bytes: Uint8Array) => Int16Array;
}

const linear = (rate: number): Format => ({
  rate,
  bytesPerSample: 2,
  encode: (samples) => new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength),
  // A copy: what came may lie anywhere in a larger piece of memory.
  decode: (bytes) => new Int16Array(new Uint8Array(bytes).buffer),
});
const companded = (law: 'a' | 'mu'): Format => ({
  rate: 8000,
  bytesPerSample: 1,
  encode: (samples) => compressG711(law, samples),
  decode: (bytes) => expandG711(law, bytes),
});
const formats: Readonly<Record<AsteriskFormat, Format>> = {
  ulaw: companded('mu'),
  alaw: companded('a'),
  slin: linear(8000),
  slin16: linear(16_000),
  slin24: linear(24_000),
  slin48: linear(48_000),
};

const ptimeMs = 20;
/** Frames of 20 ms: Asterisk's own levels. */
const xoffFrames = 900;
const xonFrames = 800;

export class AsteriskDialect implements StreamDialect {
  readonly sampleRate: number;
  readonly protocols = ['media'];
  readonly answersClearedMarks = false;
  readonly #facts: StreamFacts;
  readonly #name: AsteriskFormat;
  readonly #format: Format;
  readonly #json: boolean;
  /** Half a sample whose other half comes with the next message. */
  #rest: Uint8Array = new Uint8Array(0);

  constructor(facts: StreamFacts, { format = 'ulaw', control = 'plain-text' }: AsteriskOptions = {}) {
    this.#facts = facts;
    this.#name = format;
    this.#format = formats[format];
    this.#json = control === 'json';
    this.sampleRate = this.#format.rate;
  }

  start(): readonly string[] {
    const { id, callId, from, to, parameters } = this.#facts;
    const known = {
      connection_id: id,
      channel: `WebSocket/${id}`,
      channel_id: id,
      format: this.#name,
      optimal_frame_size: (this.sampleRate * ptimeMs * this.#format.bytesPerSample) / 1000,
      ptime: ptimeMs,
    };
    const variables = { ...parameters, SIPCALLID: callId, FROM: from, TO: to };
    return [this.#say('MEDIA_START', known, { channel_variables: variables })];
  }

  audio(samples: Int16Array): Uint8Array {
    return this.#format.encode(samples);
  }

  dtmf(digit: string): string {
    return this.#say('DTMF_END', { digit });
  }

  full(on: boolean): string {
    return this.#say(on ? 'MEDIA_XOFF' : 'MEDIA_XON', {});
  }

  drained(): string {
    return this.#say('QUEUE_DRAINED', {});
  }

  status({ queuedMs, paused }: QueueStatus): string {
    const queued = Math.ceil(queuedMs / ptimeMs);
    return this.#say('STATUS', {
      queue_length: queued,
      xon_level: xonFrames,
      xoff_level: xoffFrames,
      queue_full: queued >= xoffFrames,
      bulk_media: false,
      media_paused: paused,
    });
  }

  /** The end is told by the connection alone. */
  stop(): undefined {}

  read(message: string | Uint8Array): readonly StreamRequest[] | undefined {
    if (typeof message !== 'string') return [{ do: 'play', samples: this.#format.decode(this.#whole(message)) }];
    const said = message.startsWith('{') ? objectIn(message) : undefined;
    const [word = '', rest = ''] = said ? [said.command, said.correlation_id ?? ''] : message.trim().split(/\s+/, 2);
    const about = typeof rest === 'string' && rest !== '' ? { correlation_id: rest } : {};
    switch (word) {
      case 'MARK_MEDIA':
        return [{ do: 'mark', answer: () => this.#say('MEDIA_MARK_PROCESSED', about) }];
      case 'STOP_MEDIA_BUFFERING':
        return [{ do: 'mark', answer: () => this.#say('MEDIA_BUFFERING_COMPLETED', about) }];
      case 'START_MEDIA_BUFFERING':
      // The call is answered before there is a stream.
      case 'ANSWER':
        return [];
      case 'FLUSH_MEDIA':
        this.#rest = new Uint8Array(0);
        return [{ do: 'clear' }, { do: 'pause', on: false }];
      case 'PAUSE_MEDIA':
        return [{ do: 'pause', on: true }];
      case 'CONTINUE_MEDIA':
        return [{ do: 'pause', on: false }];
      case 'GET_STATUS':
        return [{ do: 'status' }];
      case 'REPORT_QUEUE_DRAINED':
        return [{ do: 'report-drained' }];
      case 'HANGUP':
        return [{ do: 'hangup' }];
      default:
        return undefined;
    }
  }

  #whole(bytes: Uint8Array): Uint8Array {
    const all = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    const end = all.length - (all.length % this.#format.bytesPerSample);
    this.#rest = all.slice(end);
    return all.subarray(0, end);
  }

  /** @param more what words cannot say */
  #say(event: string, facts: Readonly<Record<string, unknown>>, more: Readonly<Record<string, unknown>> = {}): string {
    if (this.#json) return JSON.stringify({ event, channel_id: this.#facts.id, ...facts, ...more });
    return [event, ...Object.entries(facts).map(([name, value]) => `${name}:${value}`)].join(' ');
  }
}
