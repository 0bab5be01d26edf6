/** The media plane. What is not listed here is ours to change. */
export { type Tone, tones } from './audio/index.ts';
export { compressG711, expandG711 } from './codec/g711.ts';
export type { SrtpProblem } from './engine/leg-security.ts';
export { MediaBridge, type MediaBridgeOptions } from './handle/bridge.ts';
export { MediaLeg } from './handle/leg.ts';
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
  SayItem,
  ToneItem,
} from './handle/types.ts';
export { type CreateLegOptions, Media } from './media.ts';
export type { DatagramReceiver, UdpIo, UdpPort } from './net/udp-port.ts';
export type { EngineCounts, SymmetricRtp } from './protocol.ts';
export * from './sdp/index.ts';
export type { LegSnapshot } from './snapshot.ts';
export { newMasterKey, type SrtpMasterKey, type SrtpParameters, type SrtpProfile } from './srtp/profiles.ts';
