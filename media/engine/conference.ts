/**
 * One conference inside an engine: the legs that are in it, the mix at the beat, what is played to all, and the
 * recordings of the mix. Legs of other engines are reached by packet rings. It ends by `close`, and all of it with it.
 */
import { Resampler } from '../audio/index.ts';
import { type AudioCodec, frameBytes, l16 } from '../codec/index.ts';
import { ConferenceMixer } from '../conference/mixer.ts';
import { beatMs, type PacedStream } from '../pacer.ts';
import { EnginePlayback, type FrameSource } from '../playback.ts';
import { openSource } from '../playback-source.ts';
import { announcementCodec, type Command, type EngineSource, type PlayControl } from '../protocol.ts';
import { ConferencePort } from './conference-port.ts';
import type { EngineLeg, LegPorts } from './leg.ts';
import { LegRecordings } from './leg-recordings.ts';
import { PacketRingSink, PacketRingSource } from './packet-ring.ts';

interface Member {
  readonly port: ConferencePort;
  /** Of this engine. */
  readonly leg: EngineLeg | undefined;
  /** Of a leg in another engine. */
  readonly source: PacketRingSource | undefined;
}

const ignore = (): void => {};

type Of<T extends Command['type']> = Extract<Command, { readonly type: T }>;

export interface ConferencePorts
  extends Pick<LegPorts, 'clock' | 'random' | 'files' | 'recordingCoders' | 'udp' | 'pacer' | 'emit'> {
  /** The conference threw. */
  readonly onBroken: (conference: EngineConference, error: unknown) => void;
}

export class EngineConference implements PacedStream {
  readonly id: string;
  readonly #ports: ConferencePorts;
  readonly #mixer = new ConferenceMixer();
  readonly #members = new Map<string, Member>();
  readonly #recordings: LegRecordings;
  readonly #codec: AudioCodec = l16(announcementCodec.clockRate);
  readonly #announced: Int16Array;
  readonly #payload: Uint8Array;
  #resampler: Resampler | undefined;
  #playback: EnginePlayback | undefined;
  #speaker: string | undefined;
  #due = 0;
  #skipped = 0;
  #closing: Promise<void> | undefined;

  constructor(id: string, ports: ConferencePorts) {
    this.id = id;
    this.#ports = ports;
    this.#announced = new Int16Array((this.#codec.clockRate * beatMs) / 1000);
    this.#payload = new Uint8Array(frameBytes(this.#codec, beatMs));
    this.#recordings = new LegRecordings(id, ports, ignore, ignore);
  }

  get playbacks(): number {
    return this.#playback ? 1 : 0;
  }

  get recordings(): number {
    return this.#recordings.size;
  }

  /** @param leg the member, where it is of this engine */
  join({ member: id, peer, codec, route }: Of<'conference.join'>, leg: EngineLeg | undefined): void {
    const out = peer.kind === 'ring' ? new PacketRingSink(peer.out) : leg?.sink;
    if (!out || this.#closing) return;
    this.#drop(id);
    const { clock, random, udp, pacer } = this.#ports;
    const port = new ConferencePort(out, random.uint32());
    const turn = (): void => udp.flush();
    const fail = (error: unknown): void => this.#ports.onBroken(this, error);
    const source =
      peer.kind === 'ring' ? new PacketRingSource(peer.in, port, () => clock.now(), turn, fail) : undefined;
    this.#members.set(id, { port, leg: source ? undefined : leg, source });
    port.party = this.#mixer.join(id, port.configure(codec), route);
    const link = { type: 'bridge.link', bridge: this.id, leg: id, dtmf: false, transcode: true } as const;
    if (!source) leg?.route.link({ ...link, peer: { kind: 'leg', leg: this.id } }, port);
    pacer.add(this);
  }

  configure({ member: id, codec }: Of<'conference.configure'>): void {
    const member = this.#members.get(id);
    if (member) this.#mixer.join(id, member.port.configure(codec));
  }

  route({ member, route }: Of<'conference.route'>): void {
    this.#mixer.route(member, route);
  }

  leave(id: string): void {
    const member = this.#members.get(id);
    if (!member) return;
    this.#drop(id);
    member.leg?.route.unlink(this.id);
  }

  #drop(id: string): void {
    const member = this.#members.get(id);
    member?.source?.close();
    member?.port.close();
    this.#members.delete(id);
    this.#mixer.leave(id);
  }

  // What everybody hears

  play({ playback: id, source, state, resume }: Of<'play.start'>): void {
    this.#stop('stopped');
    if (this.#closing) return;
    this.#playback = new EnginePlayback(id, this.#source(id, source), this.#codec, state, resume?.playedMs);
    this.#resampler = undefined;
    this.#ports.pacer.add(this);
  }

  swap(id: string, source: EngineSource): void {
    if (this.#playback?.id === id) this.#playback.swap(this.#source(id, source), this.#codec);
  }

  #source(id: string, source: EngineSource): FrameSource {
    return openSource(source, this.#codec, () => this.#ports.emit({ type: 'ring.ready', leg: this.id, id }));
  }

  control(id: string, control: PlayControl): void {
    if (this.#playback?.id === id && !this.#playback.control(control)) this.#stop('stopped');
  }

  position(id: string): number {
    return this.#playback?.id === id ? this.#playback.position : 0;
  }

  #stop(end: 'completed' | 'stopped' | 'ended'): void {
    const playback = this.#playback;
    this.#playback = undefined;
    if (!playback) return;
    const { id, playedMs } = playback;
    this.#ports.emit({ type: 'play.done', leg: this.id, playback: id, end, playedMs });
  }

  // Recording

  get record(): LegRecordings {
    return this.#recordings;
  }

  startRecording({ recording, path, config }: Of<'record.start'>): void {
    const { rate } = this.#mixer;
    this.#recordings.start(recording, path, config.sampleRate === 0 ? { ...config, sampleRate: rate } : config);
    this.#ports.pacer.add(this);
  }

  // At the beat

  tick(due: number, skipped: number): boolean {
    try {
      this.#beat(due, skipped);
    } catch (error) {
      this.#ports.onBroken(this, error);
      return false;
    }
    return this.#members.size > 0 || this.#playback !== undefined || this.#recordings.size > 0;
  }

  #beat(due: number, skipped: number): void {
    this.#due = due;
    this.#skipped = skipped;
    const { rate } = this.#mixer;
    const mix = this.#mixer.beat(due, this.#deliver, this.#playback && this.#announce);
    if (this.#recordings.size > 0) {
      if (skipped > 0) this.#recordings.tick(skipped - 1);
      this.#recordings.received(mix, rate);
      this.#recordings.tick(0);
    }
    const { speaker } = this.#mixer;
    if (speaker === this.#speaker) return;
    this.#speaker = speaker;
    this.#ports.emit({ type: 'conference.speaker', leg: this.id, member: speaker });
  }

  readonly #deliver = (id: string, payload: Uint8Array, ticks: number): void =>
    this.#members.get(id)?.port.deliver(payload, ticks, this.#due, this.#skipped);

  readonly #announce = (out: Int16Array, rate: number): boolean => {
    const playback = this.#playback;
    if (playback?.frame(this.#payload, 0, this.#payload.length) !== 'audio') {
      if (playback?.finished) this.#stop('completed');
      return false;
    }
    this.#codec.decode(this.#payload, this.#announced);
    if (this.#resampler?.to !== rate) this.#resampler = new Resampler(this.#codec.clockRate, rate);
    this.#resampler.process(this.#announced, out);
    if (playback.finished) this.#stop('completed');
    return true;
  };

  /** Everybody leaves; resolves when the recordings are written. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#ports.pacer.remove(this);
    for (const id of [...this.#members.keys()]) this.leave(id);
    this.#stop('ended');
    this.#mixer.close();
    await this.#recordings.close();
  }
}
