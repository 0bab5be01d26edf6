/**
 * One audio leg inside an engine: its two sockets, the stream that comes and the stream that goes, and
 * everything that hangs on them. It ends by `close`, and everything of it with it.
 */
import type { Clock } from '../../src/base/clock.ts';
import { TandemError } from '../../src/base/errors.ts';
import type { Files } from '../../src/base/io.ts';
import { type Random, token } from '../../src/base/random.ts';
import { Forwarder } from '../bridge.ts';
import { type AudioCodec, Coders, payloadKey } from '../codec/index.ts';
import { DtmfReceiver } from '../dtmf/receiver.ts';
import { DtmfSender } from '../dtmf/sender.ts';
import type { LegStats } from '../handle/types.ts';
import type { UdpIo, UdpPort } from '../net/udp-port.ts';
import type { PacedStream, Pacer } from '../pacer.ts';
import { EnginePlayback, type FrameSource } from '../playback.ts';
import { openSource } from '../playback-source.ts';
import type { Command, EngineEvent, EngineSource, LegConfig, PlayControl, PlayState } from '../protocol.ts';
import { encodingOf } from '../protocol.ts';
import type { RecordingCoders } from '../recorder/coder.ts';
import { canonicalAddress } from '../rtp/address.ts';
import { createLatch, type LatchState, renegotiate } from '../rtp/latch.ts';
import { isRtcpType, type RtpView } from '../rtp/packet.ts';
import { RtpReceiver } from '../rtp/receiver.ts';
import { createRtcpState, type RtcpState } from '../rtp/rtcp-session.ts';
import { RtpSender } from '../rtp/sender.ts';
import { addSeq } from '../rtp/sequence.ts';
import type { SavedLeg } from '../saved-leg.ts';
import type { NegotiatedAudio } from '../sdp/types.ts';
import type { LegSnapshot, PlayProgress, ResumableRecording } from '../snapshot.ts';
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
import { legStats } from './leg-stats.ts';
import { Outgoing } from './outgoing.ts';
import type { PacketBuffers } from './packet-buffers.ts';
import { RtcpChannel } from './rtcp-channel.ts';
import { RtpOut } from './rtp-out.ts';
import { SilenceWatch } from './silence-watch.ts';
import { xrReports } from './xr-reports.ts';

/** A latched source may be replaced after so much silence (ms); for RTCP, after three reports left out. */
const rtpSilenceMs = 2000;
/** RTP and RTCP begin with their version (RFC 7983). */
const firstOfRtp = 128;
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
  readonly #fast: FastPath;
  readonly #incoming: Incoming;
  readonly #out: RtpOut;
  readonly #outgoing: Outgoing;
  readonly #rtcp: RtcpChannel;
  readonly #rtcpState: RtcpState;
  readonly #rtcpLatch: LatchState;
  readonly #hearing: LegHearing;
  readonly #route: LegRoute;
  readonly #silence: SilenceWatch;
  /** Requests that wait for digits to be sent. */
  readonly #digitRequests = new Map<DtmfSender, number>();
  #audio: NegotiatedAudio | undefined;
  /** Of what is played. */
  readonly #coders = new Coders();
  #codec: AudioCodec | undefined;
  #rtcpPort: UdpPort | undefined;
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
    this.#fast = new FastPath(clock, receiver, latch);
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
      this.#fast,
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
        onPlayed: (playback, end) => this.#played(playback, end),
        onDigitsSent: (sender) => this.#digitsSent(sender),
        pace: () => this.#pace(),
      },
      new Forwarder(snapshot?.forward, leftOut),
      ports.packetBuffers,
    );
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
        this.#fast.settle();
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
    const rate = dtmf.sending && this.#digitRate(audio, dtmf.sending.inband);
    if (dtmf.sending && rate !== undefined) {
      this.#outgoing.sendDigits(new DtmfSender({ ...dtmf.sending }, rate));
      this.#pace();
    }
  }

  /** @throws {TandemError} ERR_PORT_IN_USE, ERR_BIND */
  async open(): Promise<void> {
    const { udp } = this.#ports;
    const { bindAddress, port, rtcpPort } = this.#config;
    const fast = this.#fast;
    this.#out.socket = await udp.bind(bindAddress, port, (buffer, offset, length, from) => {
      try {
        if (fast.take(buffer, offset, length, from)) return;
        // The command that says where the first packets go may have come with them: it was sent before the answer was.
        if (this.#incoming.unwired) this.#ports.catchUp();
        if (buffer[offset]! < firstOfRtp) {
          if (!this.#connection.datagram(buffer, offset, length, from)) this.#incoming.receiver.invalid();
          return;
        }
        if (!this.#security.active && !this.#connection.accepts(from)) {
          this.#incoming.receiver.invalid();
          return;
        }
        if (length > 1 && isRtcpType(buffer[offset + 1]!) && this.#rtcp.muxed) {
          this.#rtcp.datagram(buffer, offset, length, from);
          return;
        }
        const clear = this.#security.openRtp(buffer, offset, length);
        if (clear === 0) {
          this.#incoming.receiver.invalid();
          return;
        }
        const now = this.#ports.clock.now();
        if (this.#security.active) this.#connection.heard(from, now);
        this.#incoming.datagram(buffer, offset, clear, from, now);
      } catch (error) {
        this.#ports.onBroken(this, error);
      }
    });
    try {
      this.#rtcpPort = await udp.bind(bindAddress, rtcpPort, (buffer, offset, length, from) => {
        try {
          this.#rtcp.datagram(buffer, offset, length, from);
        } catch (error) {
          this.#ports.onBroken(this, error);
        }
      });
    } catch (error) {
      await this.#out.socket.close();
      throw error;
    }
    this.#rtcp.attach(this.#rtcpPort, this.#out.socket);
    if (!this.#closing) return;
    await this.#closeSockets();
    throw closedError();
  }

  /** Where packets of a bridge or an echo come to. */
  get sink(): Outgoing {
    return this.#outgoing;
  }

  get sockets(): number {
    return (this.#out.socket ? 1 : 0) + (this.#rtcpPort ? 1 : 0);
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

  // What is sent at the beat

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

  play(id: string, source: EngineSource, state: PlayState, resume?: PlayProgress): void {
    const codec = this.#codec;
    if (!codec || !this.#fits(source) || this.#closing) {
      const error = this.#audio
        ? { code: 'ERR_AUDIO_FORMAT', message: `nothing can be played in ${encodingOf(this.#audio.codec)} here` }
        : { code: 'ERR_MEDIA_STATE', message: 'nothing can be played before a codec is negotiated' };
      this.#ports.emit({ type: 'play.done', leg: this.id, playback: id, end: 'ended', playedMs: 0, error });
      return;
    }
    this.#outgoing.play(new EnginePlayback(id, this.#open(id, source, codec), codec, state, resume?.playedMs));
    this.#pace();
  }

  swap(id: string, source: EngineSource): void {
    const playback = this.#outgoing.playback;
    if (playback?.id === id && this.#codec && this.#fits(source))
      playback.swap(this.#open(id, source, this.#codec), this.#codec);
  }

  #open(id: string, source: EngineSource, codec: AudioCodec): FrameSource {
    return openSource(source, codec, () => this.#ports.emit({ type: 'ring.ready', leg: this.id, id }));
  }

  #fits(source: EngineSource): boolean {
    if (source.kind === 'list') return source.items.every((item) => this.#fits(item));
    if (source.kind !== 'encoded' || source.encoding === '') return true;
    return this.#audio !== undefined && source.encoding === payloadKey(this.#audio.codec);
  }

  control(id: string, control: PlayControl): void {
    const playback = this.#outgoing.playback;
    if (playback?.id === id && !playback.control(control)) this.#outgoing.stop('stopped');
  }

  position(id: string): number {
    const playback = this.#outgoing.playback;
    return playback?.id === id ? playback.position : 0;
  }

  #played(playback: EnginePlayback, end: 'completed' | 'stopped' | 'ended'): void {
    const { playedMs } = playback;
    this.#ports.emit({ type: 'play.done', leg: this.id, playback: playback.id, end, playedMs });
  }

  /** @throws {TandemError} ERR_DTMF_UNAVAILABLE, ERR_MEDIA_CLOSED */
  sendDigits({ request, digits, durationMs, gapMs, inband }: Extract<Command, { readonly type: 'dtmf.send' }>): void {
    const rate = this.#audio && this.#digitRate(this.#audio, inband);
    if (rate === undefined) throw new TandemError('ERR_DTMF_UNAVAILABLE', 'the peer takes no digits in this way');
    if (this.#closing) throw closedError();
    const sender = DtmfSender.create(digits, durationMs, gapMs, rate, inband);
    this.#digitRequests.set(sender, request);
    this.#outgoing.sendDigits(sender);
    this.#pace();
  }

  /** Undefined when digits cannot be sent in this way. */
  #digitRate({ telephoneEvent }: NegotiatedAudio, inband: boolean): number | undefined {
    return inband ? this.#codec?.clockRate : telephoneEvent?.clockRate;
  }

  #digitsSent(sender: DtmfSender): void {
    const request = this.#digitRequests.get(sender);
    this.#digitRequests.delete(sender);
    if (request !== undefined) this.#ports.emit({ type: 'reply', request, value: undefined });
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
    this.#outgoing.stop('ended');
    for (const sender of this.#outgoing.stopDigits()) {
      const request = this.#digitRequests.get(sender);
      const error = { code: 'ERR_MEDIA_CLOSED', message: 'the media leg was closed before all digits were sent' };
      if (request !== undefined) this.#ports.emit({ type: 'reply', request, error });
    }
    this.#digitRequests.clear();
    this.#hearing.close();
    this.#silence.close();
    this.#incoming.close();
    this.#outgoing.close();
    this.#coders.close();
    this.#rtcp.close(!handover);
    this.#connection.close();
    this.#ports.udp.flush();
    await Promise.all([this.#closeSockets(), this.#hearing.recordings.close(handover)]);
  }

  async #closeSockets(): Promise<void> {
    const open = [this.#out.socket, this.#rtcpPort];
    this.#out.socket = undefined;
    this.#rtcpPort = undefined;
    await Promise.all(open.map((socket) => socket?.close()));
  }
}

function closedError(): TandemError {
  return new TandemError('ERR_MEDIA_CLOSED', 'the media leg is closed');
}
