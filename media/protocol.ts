/**
 * What the main thread and a media engine say to each other. Plain, structured-clonable values in
 * both directions, sent as one batch per turn, so that an engine can live in this thread
 * (`host/inline.ts`) or in one of its own (`host/worker.ts`) without knowing which.
 */
import type { AnalysisConfig, Finding } from './analysis/analyser.ts';
import type { Tone } from './audio/index.ts';
import type { Route } from './conference/party.ts';
import type { IceState } from './engine/leg-connection.ts';
import type { SrtpProblem } from './engine/leg-security.ts';
import type { IceCandidate } from './ice/types.ts';
import type { JitterBufferOptions } from './jitter/delay-estimate.ts';
import type { RecordingGap } from './recording-resume.ts';
import type { Codec, NegotiatedAudio } from './sdp/types.ts';
import type { LegSnapshot, PlayProgress, ResumableRecording, SymmetricRtp } from './snapshot.ts';
import type { SrtpParameters } from './srtp/profiles.ts';

export { encodingOf } from './sdp/codecs.ts';
export type { AnalysisSnapshot, LegSnapshot, PlaybackSnapshot, SymmetricRtp } from './snapshot.ts';

/** A `TandemError` on its way between threads. */
export interface ErrorData {
  readonly code: string;
  readonly message: string;
  readonly facts?: Readonly<Record<string, unknown>>;
}

/** Settings of one leg that do not change while it lives. */
export interface LegConfig {
  readonly callId: string;
  readonly bindAddress: string;
  readonly port: number;
  readonly rtcpPort: number;
  readonly symmetricRtp: SymmetricRtp;
  /** ms without RTP before `leg.timeout`; 0 = never. */
  readonly rtpTimeout: number;
  /** ms */
  readonly rtcpInterval: number;
  /** Of audio that is decoded. */
  readonly jitterBuffer: JitterBufferOptions;
}

/** Encoded payload of one codec, shared by every leg that plays it. */
export interface EncodedSource {
  readonly kind: 'encoded';
  readonly payload: SharedArrayBuffer;
  /** Bytes of audio in `payload`. */
  readonly length: number;
  /** The codec's `key`, or '' for bytes that are sent as they are. */
  readonly encoding: string;
  /** What to load it from again; undefined when it cannot be loaded again. */
  readonly source?: PromptKey;
}

/** How a prompt can be found again after a crash. */
export interface PromptKey {
  readonly url: string;
  readonly type: '' | 'audio/wav' | 'audio/pcm' | 'audio/basic' | 'audio/ogg' | 'audio/mpeg';
  readonly sampleRate?: number;
  readonly channels?: number;
}

export type EngineItem =
  | EncodedSource
  /** `duration`: ms; without, it has no end. */
  | { readonly kind: 'tone'; readonly tone: Tone; readonly duration?: number }
  /** A `ByteRing`: Int16 samples at the codec's rate, or ('raw') payload bytes as they are. */
  | { readonly kind: 'ring'; readonly ring: SharedArrayBuffer; readonly raw: boolean };

export type EngineSource = EngineItem | { readonly kind: 'list'; readonly items: readonly EngineItem[] };

export interface PlayState {
  readonly paused: boolean;
  readonly muted: boolean;
  /** 1 = as is */
  readonly gain: number;
  /** Rounds still to begin after the present one; -1 = for ever. */
  readonly loops: number;
  /** ms from the start of the source */
  readonly position: number;
}

export type PlayControl =
  | { readonly do: 'stop' }
  | { readonly do: 'pause' | 'mute'; readonly on: boolean }
  | { readonly do: 'seek'; readonly ms: number }
  | { readonly do: 'gain'; readonly gain: number }
  | { readonly do: 'loop'; readonly loops: number };

/** Why a recording is over. */
export type RecordingEnd = 'stopped' | 'ended' | 'max' | 'silence';

export interface RecordingConfig {
  readonly type: 'audio/wav' | 'audio/ogg';
  readonly channels: 1 | 2;
  readonly direction: 'both' | 'in' | 'out';
  /** 0 = the codec's. */
  readonly sampleRate: number;
  /** ms of audio; 0 = no limit */
  readonly maxDuration: number;
  /** ms of silence that end it; 0 = none do */
  readonly maxSilence: number;
  /** Silence at the end is left out. */
  readonly trimSilence: boolean;
}

/** Where the other side of a bridge is: in the same engine, or behind a pair of packet rings. */
export type BridgePeer =
  | { readonly kind: 'leg'; readonly leg: string }
  | {
      readonly kind: 'ring';
      readonly leg: string;
      readonly out: SharedArrayBuffer;
      readonly in: SharedArrayBuffer;
    };

export type Command =
  | {
      readonly type: 'leg.create';
      readonly request: number;
      readonly leg: string;
      readonly config: LegConfig;
      readonly snapshot?: LegSnapshot;
    }
  | { readonly type: 'leg.negotiate'; readonly leg: string; readonly audio: NegotiatedAudio }
  | { readonly type: 'leg.echo'; readonly leg: string; readonly on: boolean }
  /** More places where the peer may be reached. */
  | { readonly type: 'leg.candidates'; readonly leg: string; readonly candidates: readonly IceCandidate[] }
  /** Where a STUN server sees the leg's socket. Answered with an `IceCandidate`, or nothing. */
  | {
      readonly type: 'leg.gather';
      readonly request: number;
      readonly leg: string;
      readonly base: IceCandidate;
      readonly server: { readonly address: string; readonly port: number };
    }
  /** A record to the peer. */
  | { readonly type: 'leg.dtls'; readonly leg: string; readonly record: Uint8Array }
  /** A handshake is through. */
  | { readonly type: 'leg.keys'; readonly leg: string; readonly srtp: SrtpParameters }
  /** The state of this serial is written safely. */
  | { readonly type: 'leg.stored'; readonly leg: string; readonly serial: number }
  | { readonly type: 'leg.stats'; readonly request: number; readonly leg: string }
  | { readonly type: 'leg.snapshot'; readonly request: number; readonly leg: string }
  /** `handover`: the stream goes on elsewhere. No RTCP BYE is sent, and the answer is its last snapshot. */
  | { readonly type: 'leg.close'; readonly request: number; readonly leg: string; readonly handover: boolean }
  | {
      readonly type: 'dtmf.send';
      readonly request: number;
      readonly leg: string;
      readonly digits: string;
      readonly durationMs: number;
      readonly gapMs: number;
      /** As tones in the audio, not as events. */
      readonly inband: boolean;
    }
  | {
      readonly type: 'play.start';
      readonly leg: string;
      readonly playback: string;
      readonly source: EngineSource;
      readonly state: PlayState;
      /** Set when a playback goes on that an earlier leg began. */
      readonly resume?: PlayProgress;
    }
  /** The same in another codec, after a re-negotiation. */
  | { readonly type: 'play.swap'; readonly leg: string; readonly playback: string; readonly source: EngineSource }
  | { readonly type: 'play.control'; readonly leg: string; readonly playback: string; readonly control: PlayControl }
  | { readonly type: 'play.position'; readonly request: number; readonly leg: string; readonly playback: string }
  | {
      readonly type: 'record.start';
      readonly leg: string;
      readonly recording: string;
      /** Undefined: chunks go to the main thread as `record.data`. */
      readonly path: string | undefined;
      readonly config: RecordingConfig;
    }
  /** Goes on with one of an earlier leg. */
  | {
      readonly type: 'record.resume';
      readonly leg: string;
      readonly recording: ResumableRecording;
      /** Unix ms when its state was taken. */
      readonly takenAt: number;
    }
  | { readonly type: 'record.pause'; readonly leg: string; readonly recording: string; readonly on: boolean }
  | { readonly type: 'record.stop'; readonly leg: string; readonly recording: string }
  /** The main thread wrote a `record.data`, or could not. */
  | { readonly type: 'record.written'; readonly leg: string; readonly recording: string; readonly error?: ErrorData }
  | {
      readonly type: 'tap.open';
      readonly leg: string;
      readonly tap: string;
      readonly ring: SharedArrayBuffer;
      readonly sampleRate: number;
    }
  | { readonly type: 'tap.close'; readonly leg: string; readonly tap: string }
  | {
      readonly type: 'analysis.start';
      readonly leg: string;
      readonly analysis: string;
      readonly config: AnalysisConfig;
    }
  | { readonly type: 'analysis.stop'; readonly leg: string; readonly analysis: string }
  | {
      readonly type: 'bridge.link';
      readonly bridge: string;
      readonly leg: string;
      readonly peer: BridgePeer;
      readonly dtmf: boolean;
      /** What comes in another codec is converted. */
      readonly transcode: boolean;
    }
  | { readonly type: 'bridge.unlink'; readonly bridge: string; readonly leg: string }
  /** A conference is addressed as a leg is, and plays and records as one. */
  | { readonly type: 'conference.open'; readonly leg: string }
  | {
      readonly type: 'conference.join';
      readonly leg: string;
      /** The leg that comes. */
      readonly member: string;
      readonly peer: BridgePeer;
      readonly codec: Codec;
      readonly route: Route;
    }
  /** The member's leg negotiated another codec. */
  | { readonly type: 'conference.configure'; readonly leg: string; readonly member: string; readonly codec: Codec }
  | { readonly type: 'conference.route'; readonly leg: string; readonly member: string; readonly route: Route }
  | { readonly type: 'conference.leave'; readonly leg: string; readonly member: string }
  | { readonly type: 'conference.close'; readonly request: number; readonly leg: string }
  | { readonly type: 'counts'; readonly request: number }
  /** ms of processor time that the engine's thread has used. */
  | { readonly type: 'cpu'; readonly request: number }
  | { readonly type: 'close'; readonly request: number };

/** A command that is answered by `reply`. */
export type Request = Extract<Command, { readonly request: number }>;

export type EngineEvent =
  | { readonly type: 'reply'; readonly request: number; readonly value: unknown }
  | { readonly type: 'reply'; readonly request: number; readonly error: ErrorData }
  | { readonly type: 'leg.dtmf'; readonly leg: string; readonly digit: string; readonly at: number }
  | { readonly type: 'leg.timeout'; readonly leg: string; readonly silentMs: number }
  | {
      readonly type: 'analysis.found';
      readonly leg: string;
      readonly analysis: string;
      readonly found: Finding;
      /** Unix ms when it began. */
      readonly at: number;
    }
  | { readonly type: 'leg.srtp'; readonly leg: string; readonly problem: SrtpProblem }
  | { readonly type: 'leg.ice'; readonly leg: string; readonly state: IceState }
  /** A record of the peer. */
  | { readonly type: 'leg.dtls'; readonly leg: string; readonly record: Uint8Array }
  /** So that the leg can go on elsewhere when this engine dies. */
  | {
      readonly type: 'leg.saved';
      readonly leg: string;
      /** A `SavedLeg`. */
      readonly packed: Uint8Array;
      readonly serial: number;
    }
  /** Another member is heard best, or none any more. */
  | { readonly type: 'conference.speaker'; readonly leg: string; readonly member: string | undefined }
  | { readonly type: 'leg.failed'; readonly leg: string; readonly error: ErrorData }
  | {
      readonly type: 'play.done';
      readonly leg: string;
      readonly playback: string;
      readonly end: 'completed' | 'stopped' | 'ended';
      readonly playedMs: number;
      readonly error?: ErrorData;
    }
  /** A ring that somebody waits on has data (taps) or space (writers, streams). */
  | { readonly type: 'ring.ready'; readonly leg: string; readonly id: string }
  | {
      readonly type: 'record.data';
      readonly leg: string;
      readonly recording: string;
      readonly bytes: Uint8Array;
      readonly position: number;
      /** A header that is now true of the file, to be written after `bytes`; empty: there is none. */
      readonly header: Uint8Array;
      /** What is behind so many bytes of the file is cut off. */
      readonly size?: number;
    }
  | {
      readonly type: 'record.done';
      readonly leg: string;
      readonly recording: string;
      readonly end: RecordingEnd;
      readonly durationMs: number;
      readonly bytes: number;
      readonly gaps: readonly RecordingGap[];
      readonly error?: ErrorData;
    }
  | {
      readonly type: 'log';
      readonly level: 'debug' | 'info' | 'warn' | 'error';
      readonly fields: Readonly<Record<string, unknown>>;
      readonly message: string;
    };

export interface EngineCounts {
  readonly legs: number;
  readonly bridges: number;
  readonly conferences: number;
  readonly playbacks: number;
  readonly recordings: number;
  readonly sockets: number;
  readonly timers: number;
}

/** What is played to a conference is mixed from this, whatever its members speak. */
export const announcementCodec = {
  name: 'L16',
  payloadType: 96,
  clockRate: 16_000,
  channels: 1,
  fmtp: undefined,
} as const;
