/** What users of the package import from `tandem`. What is not listed here is ours to change. */
export type { Clock, Timer } from './base/clock.ts';
export { ConfigError, TandemError } from './base/errors.ts';
export type { Fetch, FileStat, Files, FileWriter, NaptrRecord, Resolver, SrvRecord } from './base/io.ts';
export { createLogger, type Logger, type LogLevel } from './base/log.ts';
export type { Random } from './base/random.ts';
export type { TandemMediaOptions, TandemOptions, TransferMode, TransportOptions } from './options.ts';
export { Bridge, type BridgeEnd, type BridgeOptions } from './session/bridge.ts';
export type { CallData, CallDataFactory, CallFlags, CallProfiles } from './session/call-data.ts';
export { copy } from './session/copy.ts';
export {
  DialogClientSession,
  type InviteOptions,
  type InviteTarget,
  type KnownPlace,
} from './session/dialog-client-session.ts';
export {
  type AnswerOptions,
  type CallInviteOptions,
  DialogServerSession,
  type ResponseOptions,
} from './session/dialog-server-session.ts';
export {
  DialogSession,
  type HangupOptions,
  type ReferOptions,
  type ReInviteOptions,
  type SendDtmfOptions,
  type SessionGatherOptions as GatherOptions,
  type SessionState,
  type SessionStats,
} from './session/dialog-session.ts';
export {
  CodecMismatchError,
  DialogEndedError,
  DialogResponseError,
  type EndCause,
  StateError,
} from './session/errors.ts';
export type {
  CallCreated,
  CallReplaced,
  SessionEvent,
  SipEvent,
  SipTimerEvent,
  TandemEvents,
} from './session/events.ts';
export type { ForkStrategy } from './session/fork.ts';
export type { GatherResult } from './session/gather.ts';
export type { DtmfMode } from './session/info-dtmf.ts';
export type { DtmfDigit } from './session/keypad.ts';
export type { IncomingMessage, MessageHandler, MessageOptions } from './session/messages.ts';
export { Playback, PlaybackControl, type PlaybackOptions, type PlayType, Ringtone } from './session/playback.ts';
export { Recording } from './session/recording.ts';
export type { IncomingRefer, ReferHandler, TransferOptions } from './session/refer-in.ts';
export type { ReferOutcome } from './session/refer-out.ts';
export type { HeaderField, NameAddr } from './sip/message.ts';
export type { SipListener, SipTransportName } from './sip/options.ts';
export type { Replaces } from './sip/replaces.ts';
export type { Certificate, TlsClientOptions, TlsServerOptions } from './sip/transport/network.ts';
export {
  type CallHandler,
  type CheckReport,
  Tandem,
  type TandemInviteOptions,
} from './tandem.ts';
