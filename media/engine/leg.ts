/**
 * One audio leg inside an engine: its two sockets, the stream that comes and the stream that goes, and
 * everything that hangs on them. It ends by `close`, and everything of it with it.
 */
import type { Clock } from '../../src/base/clock.ts';
import type { Files } from '../../src/base/io.ts';
import { type Random, token } from '../../src/base/random.ts';
import { Forwarder } from '../bridge.ts';
import { type AudioCodec, Coders } from '../codec/index.ts';
import { DtmfReceiver } from '../dtmf/receiver.ts';
import type { LegStats } from '../handle/types.ts';
import type { UdpIo } from '../net/udp-port.ts';
import type { PacedStream, Pacer } from '../pacer.ts';
import type { EngineEvent, LegConfig } from '../protocol.ts';
import { encodingOf } from '../protocol.ts';
import type { RecordingCoders } from '../recorder/coder.ts';
import { canonicalAddress } from '../rtp/address.ts';
import { createLatch, type LatchState, renegotiate } from '../rtp/latch.ts';
import type { RtpView } from '../rtp/packet.ts';
import { RtpReceiver } from '../rtp/receiver.ts';
import { createRtcpState, type RtcpState } from '../rtp/rtcp-session.ts';
import { RtpSender } from '../rtp/sender.ts';
import { addSeq } from '../rtp/sequence.ts';
import type { SavedLeg } from '../saved-leg.ts';
import type { NegotiatedAudio } from '../sdp/types.ts';
import type { LegSnapshot, ResumableRecording } from '../snapshot.ts';
import type { SrtpParameters } from '../srtp/profiles.ts';
import { FastPath } from './fast-path.ts';
import { Incoming } from './incoming.ts';
import type { LegAnalysis } from './leg-analysis.ts';
import { LegConnection } from './leg-connection.ts';
import { LegHearing } from './leg-hearing.ts';
import type { LegRecordings } from './leg-recordings.ts';
import { LegRoute } from './leg-route.ts';
import { LegSecurity, type SentNext } from './leg-security.ts';
import { attachTimes, detachTimes, takenHere, unseenSince } from './leg-snapshot.ts';
import { type LegInputs, LegSockets } from './leg-sockets.ts';
import { LegSources } from './leg-sources.ts';
import { legStats } from './leg-stats.ts';
import { Outgoing } from './outgoing.ts';
import type { PacketBuffers } from './packet-buffers.ts';
import { RtcpChannel } from './rtcp-channel.ts';
import { RtpOut } from './rtp-out.ts';
import { SilenceWatch } from './silence-watch.ts';
import { xrReports } from './xr-reports.ts';

/** A latched source may be replaced after so much silence (ms); for RTCP, after three reports left out. */
const rtpSilenceMs = 2000;
/** Of the SSRC of one leg: by chance there is none. */
const mostCollisions = 4;

export interface LegPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly files: Files;
  readonly recordingCoders: RecordingCoders;
  readonly udp: UdpIo;
  readonly pacer: Pacer;
  /** For all legs; undefined: each needs its own. */
  readonly packetBuffers: PacketBuffers | undefined;
  /** Of the packet that is being received. */
  readonly view: RtpView;
  /** Unix time that no jump of the wall clock moves. */
  readonly unixMs: () => number;
  readonly emit: (event: EngineEvent) => void;
  /** States are kept beyond this process: indices of SRTP are reserved ahead. */
  readonly reserves: boolean;
  /** This leg's state is another now than that which was told last. */
  readonly onChanged: (leg: EngineLeg) => void;
  /** Takes commands that have come already but wait behind this turn. */
  readonly catchUp: () => void;
  /** This leg threw. */
  readonly onBroken: (leg: EngineLeg, error: unknown) => void;
}

export class EngineLeg implements PacedStream {
  readonly id: string;
  readonly #config: LegConfig;
  readonly #ports: LegPorts;
  readonly #security: LegSecurity;
  readonly #connection: LegConnection;
  readonly #incoming: Incoming;
  readonly #out: RtpOut;
  readonly #outgoing: Outgoing;
  readonly #sources: LegSources;
  readonly #rtcp: RtcpChannel;
  readonly #rtcpState: RtcpState;
  readonly #rtcpLatch: LatchState;
  readonly #hearing: LegHearing;
  readonly #route: LegRoute;
  readonly #silence: SilenceWatch;
  readonly #sockets: LegSockets;
  #audio: NegotiatedAudio | undefined;
  /** Of what is played. */
  readonly #coders = new Coders();
  #codec: AudioCodec | undefined;
  #closing: Promise<void> | undefined;
  /** Who had our SSRC last. */
  #loop: string | undefined;
  #collisions = 0;
  /** Of the state that was told last; no other state of this leg has it, from whatever engine. */
  #serial: number;

  constructor(id: string, config: LegConfig, ports: LegPorts, snapshot?: LegSnapshot) {
    this.id = id;
    this.#config = config;
    this.#ports = ports;
    const { clock, random, unixMs } = ports;
    this.#security = new LegSecurity({
      onProblem: (problem) => ports.emit({ type: 'leg.srtp', leg: id, problem }),
      reserves: ports.reserves,
      onLow: () => ports.onChanged(this),
    });
    const timed = snapshot && attachTimes(snapshot, clock.now(), clock.wallclock());
    const leftOut = snapshot ? this.#leaveOut(snapshot) : 0;
    const latch = timed?.latch.rtp ?? createLatch(config.symmetricRtp, rtpSilenceMs);
    const rtcpLatch = timed?.latch.rtcp ?? createLatch(config.symmetricRtp, 3 * config.rtcpInterval);
    this.#rtcpState = timed?.rtcp ?? createRtcpState(token(random, 8));
    const receiver = new RtpReceiver(snapshot && structuredClone(snapshot.receiver));
    const fast = new FastPath(clock, receiver, latch);
    this.#incoming = new Incoming(
      receiver,
      latch,
      new DtmfReceiver(snapshot?.dtmf.received),
      ports.view,
      {
        onDigit: (digit) => ports.emit({ type: 'leg.dtmf', leg: id, digit, at: clock.wallclock() }),
        onSource: (ssrc, address) => ssrc === this.#outgoing.sender.state.ssrc && this.#collided(address),
        onLatched: () => {
          this.#outgoing.release();
          ports.onChanged(this);
        },
        isPlain: () => this.#out.isPlain,
      },
      fast,
    );
    this.#out = new RtpOut(latch, this.#security);
    this.#connection = new LegConnection({
      clock,
      random,
      latch,
      send: (bytes, length, to) => this.#out.socket?.send(bytes, 0, length, to),
      onState: (state) => ports.emit({ type: 'leg.ice', leg: id, state }),
      onDtls: (record) => ports.emit({ type: 'leg.dtls', leg: id, record }),
      onChanged: () => ports.onChanged(this),
    });
    this.#outgoing = new Outgoing(
      timed ? RtpSender.resume(timed.sender, leftOut) : RtpSender.create(random),
      this.#out,
      config.jitterBuffer,
      {
        onPlayed: (playback, end) => this.#sources.played(playback, end),
        onDigitsSent: (sender) => this.#sources.digitsSent(sender),
        pace: () => this.#pace(),
      },
      new Forwarder(snapshot?.forward, leftOut),
      ports.packetBuffers,
    );
    this.#sources = new LegSources(id, this.#outgoing, { emit: ports.emit, pace: () => this.#pace() });
    this.#rtcp = new RtcpChannel({
      state: this.#rtcpState,
      latch: rtcpLatch,
      rtpLatch: latch,
      security: this.#security,
      sender: this.#outgoing.sender,
      receiver: this.#incoming.receiver,
      clock,
      random,
      unixMs,
      settle: () => {
        fast.settle();
        this.#outgoing.settle();
      },
      interval: config.rtcpInterval,
      onCollision: (address) => this.#collided(address),
      onLoss: (percent) => this.#outgoing.expectLoss(percent),
    });
    this.#rtcpLatch = rtcpLatch;
    this.#hearing = new LegHearing(id, this.#incoming, this.#outgoing, config.jitterBuffer, ports, {
      pace: () => this.#pace(),
      onRecordings: () => ports.onChanged(this),
    });
    this.#route = new LegRoute(this.#incoming, this.#outgoing, snapshot?.echo ?? false, {
      now: () => clock.now(),
      onTurn: () => ports.udp.flush(),
      onError: (error) => ports.onBroken(this, error),
    });
    this.#silence = new SilenceWatch(
      clock,
      config.rtpTimeout,
      () => this.#incoming.heardAt,
      (silentMs) => ports.emit({ type: 'leg.timeout', leg: id, silentMs }),
    );
    const inputs: LegInputs = {
      fast,
      incoming: this.#incoming,
      connection: this.#connection,
      security: this.#security,
      rtcp: this.#rtcp,
    };
    this.#sockets = new LegSockets(inputs, this.#out, {
      clock,
      udp: ports.udp,
      catchUp: ports.catchUp,
      onBroken: (error) => ports.onBroken(this, error),
    });
    if (snapshot) this.#restore(snapshot);
    this.#serial = snapshot?.serial ?? 0;
  }

  /** @returns numbers that are not used again, as they may have been used since the snapshot */
  #leaveOut(snapshot: LegSnapshot): number {
    const { security, sender } = snapshot;
    const unseen = unseenSince(snapshot, this.#ports.clock.wallclock());
    if (!security) return unseen?.packets ?? 0;
    return this.#security.restore(security, unseen, { ssrc: sender.ssrc, sequence: addSeq(sender.sequence, 1) });
  }

  #restore(snapshot: LegSnapshot): void {
    const { audio, dtmf, analyses, ice, security } = snapshot;
    this.analysis.restore(analyses);
    if (!audio) return;
    if (audio.dtls && !security) this.#security.expectKeys();
    this.#configure(audio);
    this.#connection.restore(audio, ice, takenHere(snapshot, this.#ports.clock));
    if (dtmf.sending) this.#sources.resumeDigits(dtmf.sending);
  }

  /** @throws {TandemError} ERR_PORT_IN_USE, ERR_BIND, ERR_MEDIA_CLOSED */
  open(): Promise<void> {
    return this.#sockets.open(this.#config);
  }

  /** Where packets of a bridge or an echo come to. */
  get sink(): Outgoing {
    return this.#outgoing;
  }

  get sockets(): number {
    return this.#sockets.size;
  }

  get timers(): number {
    return this.#rtcp.timers + this.#silence.timers + this.#connection.timers;
  }

  get playbacks(): number {
    return this.#outgoing.playback ? 1 : 0;
  }

  get recordings(): number {
    return this.#hearing.recordings.size;
  }

  negotiate(audio: NegotiatedAudio): void {
    const { remote } = audio;
    // First: whether what SDP says of the way counts.
    this.#connection.configure(audio);
    const address = canonicalAddress(remote?.address ?? '');
    renegotiate(this.#incoming.latch, remote && { address, port: remote.port });
    const rtcpAddress = remote?.rtcpAddress === undefined ? address : canonicalAddress(remote.rtcpAddress);
    renegotiate(this.#rtcpLatch, remote && { address: rtcpAddress, port: remote.rtcpPort });
    if (audio.dtls) this.#security.expectKeys();
    else this.#security.configure(audio.srtp, this.#next);
    this.#configure(audio);
    this.#ports.onChanged(this);
  }

  /** What a handshake with the peer settled. */
  useKeys(srtp: SrtpParameters): void {
    this.#security.configure(srtp, this.#next);
    this.#ports.onChanged(this);
  }

  get connection(): LegConnection {
    return this.#connection;
  }

  #configure(audio: NegotiatedAudio): void {
    this.#audio = audio;
    this.#coders.configure([audio.codec]);
    this.#codec = this.#coders.of(audio.codec);
    this.#incoming.configure(audio);
    this.#outgoing.configure(audio, this.#codec);
    this.#hearing.recordings.configure(audio);
    this.#rtcp.muxed = audio.rtcpMux;
    this.#rtcp.xr = xrReports(audio, this.#incoming, this.#rtcpState, this.#config.jitterBuffer);
    this.#rtcp.start(audio.codec.clockRate);
    // A peer that holds us may play music or send nothing at all.
    this.#silence.restart(audio.direction === 'sendrecv');
  }

  /**
   * RFC 3550 §8.2: the peer sends under our SSRC, so we take another one. One who does it again sends back what we send,
   * whatever its SSRC: that is heard, like all that the peer sends.
   */
  #collided(address: string): void {
    if (this.#loop === address || this.#collisions === mostCollisions) return;
    this.#loop = address;
    this.#collisions++;
    this.#rtcp.goodbye();
    this.#outgoing.release();
    this.#outgoing.sender.renew(this.#ports.random);
    this.#ports.onChanged(this);
  }

  /** Its taps. */
  get hearing(): LegHearing {
    return this.#hearing;
  }

  /** What it listens for. */
  get analysis(): LegAnalysis {
    return this.#hearing.analysis;
  }

  /** Bridge and echo. */
  get route(): LegRoute {
    return this.#route;
  }

  // The beat

  tick(due: number, skipped: number): boolean {
    const { active } = this.#outgoing;
    this.#outgoing.tick(due, skipped);
    this.#hearing.tick(due, skipped);
    // One beat more: a source that follows at once goes on in the same slot, without a seam.
    return active || this.#outgoing.paced || this.#hearing.active;
  }

  #pace(): void {
    if (!this.#closing) this.#ports.pacer.add(this);
  }

  /** Playbacks and digits. */
  get sources(): LegSources {
    return this.#sources;
  }

  // Recording

  get record(): LegRecordings {
    return this.#hearing.recordings;
  }

  startRecording(...options: Parameters<LegRecordings['start']>): void {
    if (this.#audio && !this.#codec) {
      const error = { code: 'ERR_AUDIO_FORMAT', message: `${encodingOf(this.#audio.codec)} cannot be recorded here` };
      const [recording] = options;
      this.#ports.emit({
        type: 'record.done',
        leg: this.id,
        recording,
        end: 'ended',
        durationMs: 0,
        bytes: 0,
        gaps: [],
        pauses: [],
        error,
      });
      return;
    }
    this.#hearing.recordings.start(...options);
  }

  /** Goes on with one of an earlier process. @param takenAt Unix ms when its state was */
  resumeRecording(recording: ResumableRecording, takenAt: number): void {
    this.record.resume(recording, Math.max(0, this.#ports.clock.wallclock() - takenAt));
  }

  // State

  stats(): LegStats {
    const { sender } = this.#outgoing;
    const { level } = this.analysis;
    const ice = this.#connection.stats;
    return legStats(this.#audio, this.#incoming, sender, this.#rtcpState, this.#security, level, ice);
  }

  snapshot(): LegSnapshot {
    return structuredClone(this.#state);
  }

  /** Whether there is a state worth keeping. */
  get negotiated(): boolean {
    return this.#audio !== undefined;
  }

  get #next(): SentNext {
    const { state, nextSequence } = this.#outgoing.sender;
    return { ssrc: state.ssrc, sequence: nextSequence };
  }

  /** Its state, which is told now; parts of it go on changing. */
  save(): SavedLeg & { readonly serial: number } {
    const serial = ++this.#serial;
    this.#security.reserve(serial, this.#next, this.#ports.clock.now());
    return { snapshot: this.#state, playing: this.#outgoing.playback?.progress, serial };
  }

  /** The state of this serial is safe. */
  stored(serial: number): void {
    this.#security.stored(serial);
  }

  /** As `snapshot`, but parts of it go on changing. */
  get #state(): LegSnapshot {
    const { clock } = this.#ports;
    const { callId, bindAddress, port, rtcpPort } = this.#config;
    const { receiver, latch, dtmf } = this.#incoming;
    const { sender, forwarder, digits, playback } = this.#outgoing;
    const live = { sender: sender.state, latch: { rtp: latch, rtcp: this.#rtcpLatch }, rtcp: this.#rtcpState };
    return {
      version: 1,
      leg: this.id,
      callId,
      bindAddress,
      port,
      rtcpPort,
      serial: this.#serial,
      final: false,
      takenAt: clock.wallclock(),
      audio: this.#audio,
      ...detachTimes(live, clock.now()),
      receiver: receiver.state,
      dtmf: { received: dtmf.state, sending: digits && { ...digits.state } },
      forward: forwarder.state,
      analyses: this.analysis.state,
      recordings: this.record.state,
      echo: this.#route.echo,
      playback: playback?.snapshot,
      bridge: this.#route.bridge,
      security: this.#security.snapshot,
      ice: this.#connection.snapshot,
    };
  }

  /** Everything of the leg ends. Resolves when its sockets and files are closed. */
  close(handover: boolean): Promise<void> {
    this.#closing ??= this.#close(handover);
    return this.#closing;
  }

  async #close(handover: boolean): Promise<void> {
    this.#ports.pacer.remove(this);
    this.#route.close();
    this.#sources.close();
    this.#hearing.close();
    this.#silence.close();
    this.#incoming.close();
    this.#outgoing.close();
    this.#coders.close();
    this.#rtcp.close(!handover);
    this.#connection.close();
    this.#ports.udp.flush();
    await Promise.all([this.#sockets.close(), this.#hearing.recordings.close(handover)]);
  }
}
