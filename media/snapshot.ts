/**
 * A leg as plain data: everything from which an engine, this one or another, can build it again so
 * that the far end sees one continuous stream. Versioned, structured-clonable, no handle in it.
 */
import type { AnalysisState } from './analysis/analyser.ts';
import type { Tone } from './audio/index.ts';
import type { ForwardState } from './bridge.ts';
import type { DtmfReceiverState } from './dtmf/receiver.ts';
import type { DtmfSendState } from './dtmf/sender.ts';
import type { SecuritySnapshot } from './engine/leg-security.ts';
import type { IceSnapshot } from './ice/snapshot.ts';
import type { PlayState, PromptKey, RecordingConfig } from './protocol.ts';
import type { RecordingGap } from './recording-resume.ts';
import type { LatchState } from './rtp/latch.ts';
import type { ReceiverState } from './rtp/receiver.ts';
import type { RtcpState } from './rtp/rtcp-session.ts';
import type { SenderState } from './rtp/sender.ts';
import type { NegotiatedAudio } from './sdp/types.ts';

export type SymmetricRtp = 'latch' | 'strict' | 'off';

/** How far a playback has come. */
export interface PlayProgress {
  readonly id: string;
  readonly state: PlayState;
  readonly playedMs: number;
}

/** What one source can be opened from again. */
export type ItemSnapshot =
  | { readonly kind: 'prompt'; readonly key: PromptKey }
  | { readonly kind: 'tone'; readonly tone: Tone; readonly duration?: number };

export interface PlaybackSnapshot extends PlayProgress {
  readonly source: ItemSnapshot | { readonly kind: 'list'; readonly items: readonly ItemSnapshot[] };
}

/** A recording in mid-work. */
export interface RecordingSnapshot {
  readonly id: string;
  /** Undefined for one to a stream or to an open file: it ends with its process. */
  readonly path: string | undefined;
  readonly config: RecordingConfig;
  /** Hz, of the file. */
  readonly sampleRate: number;
  /** For each channel; some of them may not be in the file. */
  readonly samples: number;
  readonly paused: boolean;
  readonly gaps: readonly RecordingGap[];
  readonly pauses?: readonly RecordingGap[];
}

export type ResumableRecording = RecordingSnapshot & { readonly path: string };

/** A detector in mid-work. */
export type AnalysisSnapshot = AnalysisState & { readonly id: string };

export interface LegSnapshot {
  readonly version: 1;
  readonly leg: string;
  readonly callId: string;
  readonly bindAddress: string;
  readonly port: number;
  readonly rtcpPort: number;
  /** Counts the states that were told of this leg. */
  readonly serial: number;
  /** Nothing was sent after it: the leg was handed over. Else whoever goes on leaves out what may have been. */
  readonly final: boolean;
  /** Unix ms when it was taken; only the time that passed since is derived from it, bounded. */
  readonly takenAt: number;
  readonly audio: NegotiatedAudio | undefined;
  readonly sender: SenderState;
  readonly receiver: ReceiverState;
  readonly latch: { readonly rtp: LatchState; readonly rtcp: LatchState };
  readonly rtcp: RtcpState;
  readonly dtmf: { readonly received: DtmfReceiverState; readonly sending: DtmfSendState | undefined };
  readonly forward: ForwardState | undefined;
  readonly analyses: readonly AnalysisSnapshot[];
  readonly recordings: readonly RecordingSnapshot[];
  readonly echo: boolean;
  /** Undefined too for a source that cannot be opened again (a stream). */
  readonly playback: PlaybackSnapshot | undefined;
  /** The bridge it was in and who was on the other side. */
  readonly bridge:
    | { readonly id: string; readonly peer: string | undefined; readonly dtmf: boolean; readonly transcode: boolean }
    | undefined;
  /** State of SRTP, keys too, opaque to everybody but it; undefined on plain RTP. */
  readonly security: SecuritySnapshot | undefined;
  /** Undefined where the peer is not found by ICE. */
  readonly ice: IceSnapshot | undefined;
}

/** A conference as plain data: who may be heard by whom. Its members are in their own snapshots. */
export interface ConferenceSnapshot {
  readonly version: 1;
  readonly conference: string;
  readonly members: readonly ConferenceMemberSnapshot[];
}

export interface ConferenceMemberSnapshot {
  readonly leg: string;
  readonly muted: boolean;
  /** The leg that alone hears it. */
  readonly whispersTo: string | undefined;
}
