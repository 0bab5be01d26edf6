/** What users of the package import from `tandem`. What is not listed here is ours to change. */
export type { Clock, Timer } from './base/clock.ts';
export { ConfigError, TandemError } from './base/errors.ts';
export type {
  Fetch,
  FileStat,
  Files,
  FileWriter,
  Folders,
  NaptrRecord,
  PostOptions,
  Resolver,
  Speech,
  SrvRecord,
  TtsOptions,
  TtsProvider,
} from './base/io.ts';
export { createLogger, type Logger, type LogLevel } from './base/log.ts';
export { espeakNg } from './base/node-espeak.ts';
export type { Random } from './base/random.ts';
export type { Cdr, CdrGap, CdrLeg } from './cdr/cdr.ts';
export type { CdrSink } from './cdr/outbox.ts';
export type { CdrOptions, CdrWebhookOptions } from './cdr/sinks.ts';
export type { CheckReport } from './check-report.ts';
export { type Control, type ControlOptions, openControl } from './control/binrpc/open.ts';
export { registryCommands } from './control/commands/index.ts';
export { type PbxSubject, pbxCommands } from './control/commands/pbx.ts';
export type { CommandSubject } from './control/commands/subject.ts';
export type { WebhookOptions } from './control/events/webhook.ts';
export { type Http, type HttpOptions, openHttp } from './control/http/open.ts';
export type { HttpSubject } from './control/http/subject.ts';
export type { OperationDone, OperationFailed, RemoteEvents } from './control/remote/operations.ts';
export { type RemoteControl, type RemoteControlOptions, remoteControl } from './control/remote/remote-control.ts';
export type { RemoteTandem } from './control/remote/subject.ts';
export { RpcFault } from './control/rpc/fault.ts';
export { type RpcMethod, RpcMethods } from './control/rpc/methods.ts';
export type { AdmissionOptions, AdmissionReport, Load } from './incoming/admission.ts';
export type { CallHandler } from './incoming/calls.ts';
export type { InviteReport } from './incoming/invite-counts.ts';
export { goOnTalking, type ResumeHandler } from './incoming/resume.ts';
export type { TandemMediaOptions, TandemOptions, TransferMode, TransportOptions } from './options.ts';
export {
  type ParkedCallState,
  type ParkInLotOptions,
  ParkingLot,
  type ParkingLotOptions,
  type ParkingResult,
} from './pbx/parking-lot.ts';
export type { MemberLegOptions } from './pbx/ports.ts';
export { type EnterOptions, Queue } from './pbx/queue.ts';
export type {
  QueueAgentState,
  QueueCallerState,
  QueueOptions,
  QueueResult,
  QueueState,
  QueueStrategy,
} from './pbx/queue-options.ts';
export { RingGroup, type RingGroupOptions, type RingGroupResult, type RingStrategy } from './pbx/ring-group.ts';
export type { ListenResult } from './pbx/voicemail/listening.ts';
export { Mailbox } from './pbx/voicemail/mailbox.ts';
export type { VoicemailMessage } from './pbx/voicemail/message.ts';
export type { MessageCounts } from './pbx/voicemail/message-summary.ts';
export type { VoicemailOptions } from './pbx/voicemail/options.ts';
export type { ArchiveReport } from './recordings/archive.ts';
export type {
  EncryptionOptions,
  RecordingsOptions,
  S3Options,
  UploadOptions,
  UrlOptions,
} from './recordings/options.ts';
export type { SpoolReport } from './recordings/spool.ts';
export type { RecoveryOptions } from './recovery/options.ts';
export type { Binding } from './registrar/location-store.ts';
export { Registrar, type RegistrarOptions } from './registrar/registrar.ts';
export { RegisterResponseError } from './registration/errors.ts';
export type { RegisterOptions, RegisterTransactionOptions } from './registration/options.ts';
export type { Qualified } from './registration/qualifier.ts';
export { RegisterTransaction } from './registration/register-transaction.ts';
export { Registration, type RegistrationState } from './registration/registration.ts';
export type {
  DialogDirection,
  DialogEndEvent,
  DialogEvent,
  DialogMessageEvent,
  DialogRegistryEvents,
  DialogResponseEvent,
} from './registry/events.ts';
export type { AutoProfileValue, RegistryOptions } from './registry/options.ts';
export type { ProfileLink, ProfileSize } from './registry/profiles.ts';
export type { DialogRecord } from './registry/record.ts';
export type { DialogProperty } from './registry/record-flags.ts';
export type { ActiveDialogs, BridgeMode, DialogRegistry, DialogStatistics } from './registry/registry.ts';
export type { RegistryReport } from './registry/report.ts';
export type { DialogEnd, Side } from './registry/sides.ts';
export type { DialogState } from './registry/states.ts';
export type { StoredDialog, StoredEnd } from './registry/stored-dialog.ts';
export { formatMediaReport } from './report/format.ts';
export type { MediaEvent, MediaReport } from './report/media-reports.ts';
export type {
  HeardTone,
  MachineOptions,
  MachineResult,
  SpeechEvent,
  ToneOptions,
  VadOptions,
} from './session/analysis.ts';
export { Bridge, type BridgeEnd, type BridgeOptions } from './session/bridge.ts';
export type { CallData, CallFlags, CallProfiles } from './session/call-data.ts';
export {
  Conference,
  type ConferenceEnd,
  type ConferenceMember,
  type ConferenceOptions,
  type JoinOptions,
} from './session/conference.ts';
export type { Consent, ConsentOptions } from './session/consent.ts';
export { copy } from './session/copy.ts';
export {
  DialogClientSession,
  type InviteOptions,
  type InviteTarget,
  type KnownPlace,
} from './session/dialog-client-session.ts';
export type { SrtpMode } from './session/dialog-media.ts';
export {
  type AnswerOptions,
  type CallInviteOptions,
  DialogServerSession,
  type ResponseOptions,
} from './session/dialog-server-session.ts';
export { DialogSession } from './session/dialog-session.ts';
export {
  CodecMismatchError,
  DialogEndedError,
  DialogResponseError,
  type EndCause,
  StateError,
} from './session/errors.ts';
export type {
  CallCreated,
  CallParked,
  CallReplaced,
  CallUnparked,
  ConferenceEndedEvent,
  ConferenceEvent,
  ConferenceSpeakerEvent,
  QualifyEvent,
  RecordingEnded,
  RecordingStarted,
  RegistrarEvent,
  RegistrationEvent,
  SessionEvent,
  SipBannedEvent,
  SipEvent,
  SipTimerEvent,
  TandemEvents,
  TrunkGatewayEvent,
} from './session/events.ts';
export type { ForkStrategy } from './session/fork.ts';
export type { GatherResult } from './session/gather.ts';
export type { DtmfMode } from './session/info-dtmf.ts';
export type { DtmfDigit } from './session/keypad.ts';
export type { IncomingMessage, MessageHandler, MessageOptions } from './session/messages.ts';
export type { ParkedCall, Parking, ParkOptions, ParkResult } from './session/parking.ts';
export type {
  AgentState,
  ParkingEndReason,
  ParkingLeftEvent,
  ParkingParkedEvent,
  QueueAgentCallEvent,
  QueueAgentEvent,
  QueueCallerEvent,
  QueueEndReason,
  QueueLeftEvent,
  QueueMissedEvent,
  VoicemailChangedEvent,
  VoicemailRecordedEvent,
} from './session/pbx-events.ts';
export {
  Playback,
  PlaybackControl,
  type PlaybackOptions,
  type PlayType,
  Ringtone,
  type SayOptions,
} from './session/playback.ts';
export { Recording } from './session/recording.ts';
export type { IncomingRefer, ReferHandler, TransferOptions } from './session/refer-in.ts';
export type { ReferOutcome } from './session/refer-out.ts';
export type { ReliableMode } from './session/session-context.ts';
export type {
  CallRecordOptions,
  HangupOptions,
  HoldOptions,
  ReferOptions,
  ReInviteOptions,
  SendDtmfOptions,
  SessionGatherOptions as GatherOptions,
  SessionRecordOptions,
  SessionState,
  SessionStats,
} from './session/session-options.ts';
export type { SessionTimerOptions } from './session/session-timer.ts';
export type { LegEnd, LegSignalling } from './session/signalling.ts';
export type { StepContext } from './session/steps.ts';
export type { DialogEventsOptions } from './session/subscriptions.ts';
export type { Recognised, SttOptions, SttProvider, TranscribeOptions, Transcript } from './session/transcribe.ts';
export type { AuthOptions } from './sip/authenticator.ts';
export type { Ban, BanReason } from './sip/defence/ban-list.ts';
export type { Defence } from './sip/defence/defence.ts';
export type { DefenceOptions } from './sip/defence/options.ts';
export type { Secret } from './sip/digest.ts';
export type { Credentials } from './sip/digest-client.ts';
export type { FindSecret } from './sip/digest-server.ts';
export type { HeaderField, NameAddr } from './sip/message.ts';
export type { SipListener, SipTransportName } from './sip/options.ts';
export type { Replaces } from './sip/replaces.ts';
export { formatTrace } from './sip/trace/format.ts';
export type { TraceOptions } from './sip/trace/options.ts';
export type { TraceMessage } from './sip/trace/trace.ts';
export type { Target as SipTarget } from './sip/transport/flow.ts';
export type { Certificate, TlsClientOptions, TlsServerOptions } from './sip/transport/network.ts';
export type { StoredLeg } from './store/dialog-rows.ts';
export type { StoreMode, StoreOptions } from './store/options.ts';
export { openStore, type Store, type StoreHealth, type StorePorts } from './store/store.ts';
export type { MediaStream, MediaStreamEnd } from './stream/media-stream.ts';
export type { StreamOptions } from './stream/options.ts';
export { Tandem, type TandemInviteOptions } from './tandem.ts';
export type { TelemetryOptions } from './telemetry/options.ts';
export { type OtlpOptions, type OtlpPorts, OtlpTraces } from './telemetry/otlp/otlp-traces.ts';
export type { SamplerName } from './telemetry/otlp/sampler.ts';
export type { SpanReport } from './telemetry/otlp/span-queue.ts';
export { registerTelemetry } from './telemetry/register.ts';
export type { CallerIdOptions } from './trunk/caller-id.ts';
export type { GatewayReport } from './trunk/gateway.ts';
export type { TrunkOptions } from './trunk/options.ts';
export { Trunk, type TrunkReport, type TrunkState } from './trunk/trunk.ts';
