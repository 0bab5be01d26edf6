/** What `src/session` and scripts see of media: options, sources, and the handles of what runs. */
import type { FileHandle } from 'node:fs/promises';
import type { Readable, Writable } from 'node:stream';
import type { Clock } from '../../src/base/clock.ts';
import type { Fetch, Files, TtsProvider } from '../../src/base/io.ts';
import type { Logger } from '../../src/base/log.ts';
import type { Random } from '../../src/base/random.ts';
import type { Tone } from '../audio/index.ts';
import type { ConnectionStats } from '../engine/leg-connection.ts';
import type { JitterBufferOptions } from '../jitter/delay-estimate.ts';
import type { PlayoutStats } from '../jitter/playout.ts';
import type { UdpIo } from '../net/udp-port.ts';
import type { RecordingEnd, SymmetricRtp } from '../protocol.ts';
import type { RecordingGap } from '../recording-resume.ts';
import type { VoipMetrics } from '../rtp/xr.ts';
import type { MediaLeg } from './leg.ts';

export interface MediaOptions {
  /** Both inclusive; default 16384–32766. */
  readonly rtpPorts?: { readonly min: number; readonly max: number };
  /** Threads of their own for media; 0 = in this one. Default: cores − 1, at least 1; 0 with a fake clock. */
  readonly workers?: number;
  /** How RTP sockets are read: in batches by the addon, or by Node's `dgram`. Default `auto`: the addon if it is built. */
  readonly io?: 'auto' | 'dgram' | 'native';
  /** Where RTP goes and whose is taken; default `latch`. */
  readonly symmetricRtp?: SymmetricRtp;
  /** ms without RTP before `onTimeout`; 0 = never (default). */
  readonly rtpTimeout?: number;
  /** ms between RTCP reports on average; default 5000. */
  readonly rtcpInterval?: number;
  /**
   * How long audio that is decoded here (taps, recordings, conversions) is kept so that late packets are in time, ms.
   * Default: adaptive, from 40 to 200, of conversions from 20. A bridge that does not convert forwards at once.
   */
  readonly jitterBuffer?: Partial<JitterBufferOptions>;
  /** Offer to have RTCP on the port of RTP (RFC 5761); an offer of it is always taken. Default false. */
  readonly rtcpMux?: boolean;
  /**
   * Offer and take comfort noise beside codecs of 8000 Hz (RFC 3389): silence is described, not sent. Default false. A
   * peer that sends it unasked is heard nevertheless.
   */
  readonly comfortNoise?: boolean;
  /** Offer extended reports of how each side hears the other (RFC 3611); an offer of them is always taken. Default false. */
  readonly rtcpXr?: boolean;
  /** Opus may be negotiated: its coder is loaded with the engines (14 ms, some MB in each thread). */
  readonly opus?: boolean;
  /** Bytes of decoded and encoded prompts to keep. */
  readonly promptCacheBytes?: number;
}

export interface MediaPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly files: Files;
  readonly fetch: Fetch;
  readonly logger: Logger;
  /** Says texts; without it nothing can be said. */
  readonly tts?: TtsProvider;
  /** Another network than this machine's; only with `workers: 0`. */
  readonly udp?: UdpIo;
  /**
   * Hears the state of each leg from which `createLeg` goes on in another process (`unpackSaved`): within 100 ms of the
   * first negotiation, soon after what changes, else every 2 s. Whoever sets it calls `MediaLeg.stored` for each.
   */
  readonly onSaved?: (leg: MediaLeg, packed: Uint8Array, serial: number) => void;
  /** The module a worker runs; default: this package's own. */
  readonly workerEntry?: URL;
}

/**
 * `audio/pcm` is 16-bit little-endian, `audio/basic` µ-law, `audio/ogg` Opus in Ogg (RFC 7845), `audio/mpeg` MP3, `''`
 * payload that is encoded already. Default: by the name (`.opus`, `.ogg`, `.oga`, `.mp3`), else `audio/wav`.
 */
export type AudioType = '' | 'audio/wav' | 'audio/pcm' | 'audio/basic' | 'audio/ogg' | 'audio/mpeg';

/** A path, an http(s) or file URL, an open file or stream, or the bytes. */
export type AudioSource = string | URL | FileHandle | Readable | AsyncIterable<Uint8Array> | Uint8Array;

/** A tone for so many ms. A `Tone` alone has no end. */
export interface ToneItem {
  readonly tone: Tone;
  readonly duration: number;
}

/** Audio of another type than the rest of a list. */
export interface AudioItem extends AudioFormat {
  readonly source: AudioSource;
  readonly type?: AudioType;
}

/** Text that is said by the provider of text to speech. */
export interface SayItem {
  readonly say: string;
  /** As the provider names them; default: one of the language. */
  readonly voice?: string;
  /** BCP 47, as `en-GB`; default: the provider's. */
  readonly language?: string;
}

export type PlayItem = AudioSource | AudioItem | Tone | ToneItem | SayItem;

/** One thing, or several that follow one another without a seam. */
export type PlaySource = PlayItem | readonly PlayItem[];

export interface AudioFormat {
  /** Of `audio/pcm`, default the codec's; of `audio/basic`, default 8000. */
  readonly sampleRate?: number;
  /** Of both; default 1. */
  readonly channels?: number;
}

export interface PlayOptions extends AudioFormat {
  /** Aborted: the playback ends as `stopped`. */
  readonly signal?: AbortSignal;
  /** true = for ever; a number = so many rounds in all. Streams, and lists with a stream, are played once. */
  readonly loop?: boolean | number;
  /** ms from the start. */
  readonly from?: number;
  /** 0…4, 1 = as is. */
  readonly volume?: number;
}

export interface PlayResult {
  /** `completed`: to its end; `stopped`: by us; `ended`: the leg went. */
  readonly end: 'completed' | 'stopped' | 'ended';
  /** ms of audio that were sent. */
  readonly playedMs: number;
}

export interface PlaybackHandle {
  /** Rejects when the source cannot be read: ERR_FILE, ERR_FETCH, ERR_AUDIO_FORMAT, … */
  readonly done: Promise<PlayResult>;
  stop(): void;
  /** Silence is sent and the position moves on. */
  mute(on: boolean): void;
  /** Silence is sent and the position stands still. */
  pause(): void;
  resume(): void;
  seek(ms: number): void;
  /** 0…4, 1 = as is. */
  volume(gain: number): void;
  /** true = for ever; a number = so many more rounds after this one. */
  loop(on: boolean | number): void;
  /** ms from the start of the source. */
  position(): Promise<number>;
}

/** A path, or what is already open. A stream gets the header first; that of a WAV leaves the length open. */
export type RecordTarget = string | FileHandle | Writable;

export type RecordType = 'audio/wav' | 'audio/ogg';

export interface RecordOptions {
  /** `audio/ogg` is Opus in Ogg (RFC 7845). Default: by the name (`.opus`, `.ogg`, `.oga`), else `audio/wav`. */
  readonly type?: RecordType;
  /** 2 (default): received left, sent right. 1: both mixed. */
  readonly channels?: 1 | 2;
  readonly direction?: 'both' | 'in' | 'out';
  /** Hz; default: the codec's. Of `audio/ogg` the next of 8000, 12,000, 16,000, 24,000 and 48,000. */
  readonly sampleRate?: number;
  /** ms of audio. */
  readonly maxDuration?: number;
  /** Ends it after so many ms in which nobody who is recorded was heard. */
  readonly maxSilence?: number;
  /** Leaves out the silence at the end, of files. */
  readonly trimSilence?: boolean;
  /** Played before it begins, in place of what is being played; true: 1000 Hz for 400 ms. Not part of the recording. */
  readonly beep?: boolean | ToneItem;
  readonly signal?: AbortSignal;
}

export interface RecordingResult {
  readonly durationMs: number;
  /** Size of the file. */
  readonly bytes: number;
  /** `stopped`: by us; `ended`: the leg went; `max`, `silence`: by `maxDuration`, `maxSilence`. */
  readonly end: RecordingEnd;
  /** Silence in place of what was said while its process was gone, ms from the beginning. */
  readonly gaps: readonly RecordingGap[];
  /** Where something was left out, and how much: from `pause` to `resume`. A WAV file has marks there. */
  readonly pauses: readonly RecordingGap[];
}

export interface RecordingHandle {
  /** Where it is recorded to; undefined for what was opened already. */
  readonly path: string | undefined;
  /** Rejects when it cannot be written (ERR_FILE, ERR_RECORDING_SLOW); the call goes on. */
  readonly done: Promise<RecordingResult>;
  pause(): void;
  resume(): void;
  /** As `pause` and `resume`, for a reason of its own: as long as there is any, nothing is recorded. */
  rest(reason: string, on: boolean): void;
  /** Writes what is left and closes the target if it was opened here. Idempotent; throws what `done` rejects with. */
  close(): Promise<RecordingResult>;
}

export interface AudioReader extends AsyncIterable<Int16Array> {
  readonly sampleRate: number;
  /** The next 20 ms frame; null after the end. */
  read(): Promise<Int16Array | null>;
  /** Frames that were overwritten because nobody read them. */
  readonly dropped: number;
  close(): void;
}

export interface AudioWriter {
  readonly sampleRate: number;
  /** Resolves when there is space for more. @throws ERR_MEDIA_CLOSED once nothing is played any more */
  write(samples: Int16Array): Promise<void>;
  /** ms of audio that were written and are not sent yet. */
  readonly buffered: number;
  /** Drops what is not sent yet: within 20 ms there is silence. Writes that wait resolve. */
  clear(): void;
  /** Sends nothing until `resume`; what is written is kept. */
  pause(): void;
  resume(): void;
  /** Resolves when all is played out. */
  end(): Promise<void>;
  close(): void;
}

export interface LegStats {
  /** Of the last 100 ms, in dB, where 0 is full scale all the time; only while it is metered. */
  readonly level: { readonly in: number | undefined; readonly out: number | undefined } | undefined;
  /** `PCMU/8000`; undefined before `negotiate`. */
  readonly codec: string | undefined;
  /** Where packets really come from and go to (symmetric RTP). */
  readonly latched: { readonly address: string; readonly port: number } | undefined;
  readonly received: {
    readonly packets: number;
    readonly octets: number;
    readonly lost: number;
    readonly jitterMs: number;
    readonly outOfOrder: number;
    readonly duplicates: number;
    readonly invalid: number;
    readonly ssrc: number | undefined;
    /** How it sounds, 1 … 4.5 (ITU-T G.107); undefined before the first packet. */
    readonly mos: number | undefined;
    /** While somebody listens to decoded audio. */
    readonly jitterBuffer: PlayoutStats | undefined;
  };
  readonly sent: {
    readonly packets: number;
    readonly octets: number;
    readonly ssrc: number;
    readonly sequence: number;
    readonly timestamp: number;
    readonly skippedTicks: number;
    /** How it sounds over there, as far as the peer reported it. */
    readonly mos: number | undefined;
  };
  readonly rtcp: {
    readonly roundTripMs: number | undefined;
    readonly remoteLost: number | undefined;
    readonly remoteJitterMs: number | undefined;
    /** What the peer calls itself: its CNAME. */
    readonly cname: string | undefined;
    /** How the peer hears us, where it says so in extended reports (RFC 3611). */
    readonly voipMetrics: VoipMetrics | undefined;
    readonly sent: number;
    readonly received: number;
  };
  /** Undefined on plain RTP. */
  readonly srtp:
    | {
        /** The crypto suite, as `AES_CM_128_HMAC_SHA1_80`. */
        readonly profile: string;
        /** Packets that were dropped because their tag was wrong, or that were no SRTP at all. */
        readonly failed: number;
        /** Copies of packets, and packets too late to be told from a copy. */
        readonly replayed: number;
      }
    | undefined;
  /** How the peer is found, where ICE finds it. */
  readonly ice: ConnectionStats | undefined;
}
