/**
 * The media engine: commands in, events out, sockets in between. It knows neither threads nor SIP, and
 * it is the same code in every host. A leg that breaks ends alone.
 */
import type { Clock } from '../../src/base/clock.ts';
import { messageOf, TandemError } from '../../src/base/errors.ts';
import type { Files } from '../../src/base/io.ts';
import type { Random } from '../../src/base/random.ts';
import { toErrorData } from '../handle/errors.ts';
import type { UdpIo } from '../net/udp-port.ts';
import { Pacer } from '../pacer.ts';
import type { Command, EngineCounts, EngineEvent, Request } from '../protocol.ts';
import { inlineRecordingCoders, type RecordingCoders } from '../recorder/coder.ts';
import { rtpView } from '../rtp/packet.ts';
import { packSaved } from '../saved-leg.ts';
import type { LegSnapshot } from '../snapshot.ts';
import type { EngineConference } from './conference.ts';
import { Conferences } from './conferences.ts';
import { EngineLeg, type LegPorts } from './leg.ts';
import { LegSaver } from './leg-saver.ts';
import { CommonPacketBuffers } from './packet-buffers.ts';

export interface EnginePorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly files: Files;
  /** Encodes recordings; default: this thread does. */
  readonly recordingCoders?: RecordingCoders;
  readonly udp: UdpIo;
  /** For the beat, where it is kept better than by `clock`. */
  readonly beatClock?: Clock;
  /** ms of processor time that its thread has used; undefined where the thread is not its own. */
  readonly cpuMs?: () => number;
  /** Takes the events of one turn. */
  readonly post: (events: readonly EngineEvent[]) => void;
  /** Commands that have come and not been handed over yet; none where they never wait. */
  readonly waiting?: () => readonly Command[] | undefined;
  /**
   * Tells the states of the legs (`leg.saved`) to an owner that lives longer than this engine. `beyond`: they outlive the
   * process, so that indices of SRTP are reserved ahead and count when the owner says `leg.stored`.
   */
  readonly saves?: 'here' | 'beyond' | undefined;
}

export class Engine {
  readonly #ports: EnginePorts;
  readonly #pacer: Pacer;
  readonly #legs = new Map<string, EngineLeg>();
  readonly #legPorts: LegPorts;
  readonly #conferences: Conferences;
  readonly #saver: LegSaver<EngineLeg> | undefined;
  /** Legs that are closing still have sockets and files. */
  readonly #closing = new Map<EngineLeg, Promise<void>>();
  #events: EngineEvent[] = [];
  #closed: Promise<void> | undefined;

  constructor(ports: EnginePorts) {
    this.#ports = ports;
    const { clock, random, files, udp, beatClock = clock, recordingCoders = inlineRecordingCoders } = ports;
    this.#pacer = new Pacer(
      beatClock,
      (stream, error) => this.#onBroken(stream as EngineLeg, error),
      () => udp.flush(),
    );
    if (ports.saves) this.#saver = new LegSaver(clock, this.#legs, (leg) => this.#save(leg));
    const offset = clock.wallclock() - clock.now();
    this.#legPorts = {
      clock,
      random,
      files,
      recordingCoders,
      udp,
      pacer: this.#pacer,
      packetBuffers: udp.copies ? new CommonPacketBuffers() : undefined,
      view: rtpView(),
      unixMs: () => offset + clock.now(),
      emit: (event) => this.#emit(event),
      reserves: ports.saves === 'beyond',
      onChanged: (leg) => this.#saver?.soon(leg),
      catchUp: () => this.#catchUp(),
      onBroken: (leg, error) => this.#onBroken(leg, error),
    };
    this.#conferences = new Conferences(
      { ...this.#legPorts, onBroken: (conference, error) => this.#onConferenceBroken(conference, error) },
      this.#legs,
    );
  }

  #catchUp(): void {
    for (let commands = this.#ports.waiting?.(); commands; commands = this.#ports.waiting?.()) this.handle(commands);
  }

  /** One batch, in order. Never throws: what goes wrong is answered, or told as an event. */
  handle(commands: readonly Command[]): void {
    for (const command of commands) {
      try {
        this.#command(command);
      } catch (error) {
        if ('request' in command) this.#emit({ type: 'reply', request: command.request, error: toErrorData(error) });
        else this.#log('error', { err: messageOf(error), command: command.type }, 'a media command failed');
      }
    }
    this.#ports.udp.flush();
  }

  #command(command: Command): void {
    switch (command.type) {
      case 'leg.create':
        this.#reply(command, this.#create(command));
        return;
      case 'counts':
        this.#reply(command, Promise.resolve(this.counts()));
        return;
      case 'cpu':
        this.#reply(command, Promise.resolve(this.#ports.cpuMs?.() ?? 0));
        return;
      case 'close':
        this.#reply(command, this.close());
        return;
      case 'leg.close': {
        const leg = this.#legs.get(command.leg);
        this.#reply(command, leg ? this.#close(leg, command.handover) : Promise.resolve());
        return;
      }
    }
    const done = this.#conferences.command(command);
    if (done !== false) {
      if (done && 'request' in command) this.#reply(command, Promise.resolve(done.answer));
      return;
    }
    const leg = this.#legs.get(command.leg);
    // A leg that is closing takes nothing new, or what is begun now would outlive it; its last chunks are still written.
    if (!leg || (this.#closing.has(leg) && command.type !== 'record.written')) {
      if ('request' in command) throw new TandemError('ERR_MEDIA_CLOSED', 'the media leg is closed');
      return;
    }
    switch (command.type) {
      case 'leg.negotiate':
        leg.negotiate(command.audio);
        break;
      case 'leg.echo':
        leg.route.echo = command.on;
        break;
      case 'leg.candidates':
        leg.connection.addCandidates(command.candidates);
        break;
      case 'leg.gather':
        this.#reply(command, leg.connection.gather(command.base, command.server));
        break;
      case 'leg.dtls':
        leg.connection.sendDtls(command.record);
        break;
      case 'leg.keys':
        leg.useKeys(command.srtp);
        break;
      case 'leg.stored':
        leg.stored(command.serial);
        break;
      case 'leg.stats':
        this.#answer(command, leg.stats());
        break;
      case 'leg.snapshot':
        this.#answer(command, leg.snapshot());
        break;
      case 'dtmf.send':
        leg.sources.sendDigits(command);
        break;
      case 'play.start':
        leg.sources.play(command.playback, command.source, command.state, command.resume);
        break;
      case 'play.swap':
        leg.sources.swap(command.playback, command.source);
        break;
      case 'play.control':
        leg.sources.control(command.playback, command.control);
        break;
      case 'play.position':
        this.#answer(command, leg.sources.position(command.playback));
        break;
      case 'record.start':
        leg.startRecording(command.recording, command.path, command.config);
        break;
      case 'record.resume':
        leg.resumeRecording(command.recording, command.takenAt);
        break;
      case 'record.pause':
        leg.record.pause(command.recording, command.on);
        break;
      case 'record.stop':
        leg.record.end(command.recording, 'stopped');
        break;
      case 'record.written':
        leg.record.written(command.recording, command.error);
        break;
      case 'tap.open':
        leg.hearing.openTap(command.tap, command.ring, command.sampleRate);
        break;
      case 'tap.close':
        leg.hearing.closeTap(command.tap);
        break;
      case 'analysis.start':
        leg.analysis.start(command.analysis, command.config);
        break;
      case 'analysis.stop':
        leg.analysis.stop(command.analysis);
        break;
      case 'bridge.link': {
        const other = command.peer.kind === 'leg' ? this.#legs.get(command.peer.leg) : undefined;
        leg.route.link(command, other?.sink);
        this.#saver?.soon(leg);
        break;
      }
      case 'bridge.unlink':
        leg.route.unlink(command.bridge);
        this.#saver?.soon(leg);
        break;
    }
  }

  async #create({ leg: id, config, snapshot }: Extract<Command, { type: 'leg.create' }>): Promise<void> {
    if (this.#closed) throw new TandemError('ERR_MEDIA_CLOSED', 'the media engine is closed');
    if (this.#legs.has(id)) throw new TandemError('ERR_MEDIA_STATE', 'the leg of this snapshot still exists');
    const leg = new EngineLeg(id, config, this.#legPorts, snapshot);
    this.#legs.set(id, leg);
    this.#saver?.wake();
    try {
      await leg.open();
    } catch (error) {
      await this.#end(leg, true);
      throw error;
    }
    if (snapshot) this.#saver?.soon(leg);
  }

  #save(leg: EngineLeg): void {
    if (!leg.negotiated || this.#closing.has(leg)) return;
    const { serial, ...saved } = leg.save();
    this.#emit({ type: 'leg.saved', leg: leg.id, packed: packSaved(saved), serial });
  }

  /** @returns of a leg that goes on elsewhere what it goes on from: nothing is sent any more by then */
  async #close(leg: EngineLeg, handover: boolean): Promise<LegSnapshot | undefined> {
    const last = handover ? { ...leg.snapshot(), final: true } : undefined;
    await this.#end(leg, handover);
    return last;
  }

  #end(leg: EngineLeg, handover: boolean): Promise<void> {
    const running = this.#closing.get(leg);
    if (running) return running;
    const peer = leg.route.bridge?.peer;
    if (peer !== undefined) this.#legs.get(peer)?.route.forget(leg.id);
    this.#conferences.left(peer, leg.id);
    const ended = leg.close(handover).finally(() => {
      this.#closing.delete(leg);
      if (this.#legs.get(leg.id) === leg) this.#legs.delete(leg.id);
      if (this.#legs.size === 0) this.#saver?.rest();
    });
    this.#closing.set(leg, ended);
    return ended;
  }

  /** A failed assumption ends one leg; the engine goes on. */
  #onBroken(leg: EngineLeg, error: unknown): void {
    if (this.#closing.has(leg)) return;
    const failure = {
      code: 'ERR_MEDIA_LEG',
      message: `the media leg broke: ${messageOf(error)}`,
      facts: { stack: error instanceof Error ? error.stack : undefined },
    };
    void this.#end(leg, false).then(() => this.#emit({ type: 'leg.failed', leg: leg.id, error: failure }));
  }

  #onConferenceBroken(conference: EngineConference, error: unknown): void {
    const failure = { code: 'ERR_MEDIA_CONFERENCE', message: `the conference broke: ${messageOf(error)}` };
    void this.#conferences
      .end(conference)
      .then(() => this.#emit({ type: 'leg.failed', leg: conference.id, error: failure }));
  }

  counts(): EngineCounts {
    const legs = [...this.#legs.values()];
    const sum = (count: (leg: EngineLeg) => number): number => legs.reduce((total, leg) => total + count(leg), 0);
    const conferences = this.#conferences.all;
    return {
      legs: legs.length,
      bridges: 0,
      conferences: conferences.length,
      playbacks: sum((leg) => leg.playbacks) + conferences.reduce((total, { playbacks }) => total + playbacks, 0),
      recordings: sum((leg) => leg.recordings) + conferences.reduce((total, { recordings }) => total + recordings, 0),
      sockets: sum((leg) => leg.sockets),
      timers: this.#pacer.timers + (this.#saver?.timers ?? 0) + sum((leg) => leg.timers),
    };
  }

  /** Ends every leg. Idempotent. */
  close(): Promise<void> {
    this.#saver?.rest();
    this.#closed ??= Promise.all([
      this.#conferences.close(),
      ...[...this.#legs.values()].map((leg) => this.#end(leg, false)),
    ]).then(async () => {
      this.#pacer.close();
      await this.#legPorts.recordingCoders.close();
    });
    return this.#closed;
  }

  #reply(command: Request, result: Promise<unknown>): void {
    result.then(
      (value) => this.#answer(command, value),
      (error: unknown) => this.#emit({ type: 'reply', request: command.request, error: toErrorData(error) }),
    );
  }

  #answer(command: Request, value: unknown): void {
    this.#emit({ type: 'reply', request: command.request, value });
  }

  #log(level: 'warn' | 'error', fields: Readonly<Record<string, unknown>>, message: string): void {
    this.#emit({ type: 'log', level, fields, message });
  }

  #emit(event: EngineEvent): void {
    if (this.#events.length === 0) queueMicrotask(() => this.#post());
    this.#events.push(event);
  }

  #post(): void {
    const events = this.#events;
    this.#events = [];
    this.#ports.post(events);
  }
}
