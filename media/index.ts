/** The media plane. What is not listed here is ours to change. */
export type { AnalysisConfig, Finding } from './analysis/analyser.ts';
export {
  defaultMachineSettings,
  type MachineEvent,
  type Verdict,
  type VerdictCause,
} from './analysis/machine-detector.ts';
export { type ToneKind, type TonePlanName, toneKinds } from './analysis/tone-plans.ts';
export { type Tone, tones } from './audio/index.ts';
export { compressG711, expandG711 } from './codec/g711.ts';
export { opusInstalled } from './codec/index.ts';
export type { DtlsIdentity } from './dtls/types.ts';
export type { IceState } from './engine/leg-connection.ts';
export type { SrtpProblem } from './engine/leg-security.ts';
export type { AnalysisHandle, AnalysisListener, Heard } from './handle/analyses.ts';
export { MediaBridge, type MediaBridgeOptions } from './handle/bridge.ts';
export { MediaConference } from './handle/conference.ts';
export { MediaLeg } from './handle/leg.ts';
export type { DtlsState } from './handle/leg-handshake.ts';
export type {
  AudioFormat,
  AudioItem,
  AudioReader,
  AudioSource,
  AudioType,
  AudioWriter,
  LegStats,
  MediaOptions,
  MediaPorts,
  PlaybackHandle,
  PlayItem,
  PlayOptions,
  PlayResult,
  PlaySource,
  RecordingHandle,
  RecordingResult,
  RecordOptions,
  RecordTarget,
  RecordType,
  SayItem,
  ToneItem,
} from './handle/types.ts';
export { hostCandidate } from './ice/candidate.ts';
export { newIceCredentials, sameCredentials } from './ice/credentials.ts';
export type { IceCandidate, IceCredentials, IceStats } from './ice/types.ts';
export type { JitterBufferOptions } from './jitter/delay-estimate.ts';
export type { PlayoutStats } from './jitter/playout.ts';
export { type CreateLegOptions, Media } from './media.ts';
export type { DatagramReceiver, UdpIo, UdpPeer, UdpPort } from './net/udp-port.ts';
export type { EngineCounts, SymmetricRtp } from './protocol.ts';
export type { RecordingGap } from './recording-resume.ts';
export type { VoipMetrics } from './rtp/xr.ts';
export { packSaved, type SavedLeg, unpackSaved } from './saved-leg.ts';
export * from './sdp/index.ts';
export type { ConferenceMemberSnapshot, ConferenceSnapshot, LegSnapshot, RecordingSnapshot } from './snapshot.ts';
export { newMasterKey, type SrtpMasterKey, type SrtpParameters, type SrtpProfile } from './srtp/profiles.ts';
