/**
 * The media plane as the session layer sees it: engines in their threads, the RTP port range, the
 * prompts, and a handle per leg. Media knows no SIP.
 */
import type { Timer } from '../src/base/clock.ts';
import { TandemError } from '../src/base/errors.ts';
import { generateEcKey } from '../src/base/node-certificate.ts';
import { token } from '../src/base/random.ts';
import { loadOpus } from './codec/index.ts';
import { createDtlsIdentity } from './dtls/identity.ts';
import type { DtlsIdentity } from './dtls/types.ts';
import { MediaBridge, type MediaBridgeOptions } from './handle/bridge.ts';
import { MediaConference } from './handle/conference.ts';
import { MediaLeg } from './handle/leg.ts';
import { EngineLink } from './handle/link.ts';
import { type MediaSettings, mediaSettings } from './handle/options.ts';
import { Phrases } from './handle/phrases.ts';
import { SourceLoader } from './handle/sources.ts';
import type { MediaOptions, MediaPorts } from './handle/types.ts';
import { Web } from './handle/web.ts';
import type { EngineHost } from './host/host.ts';
import { defaultWorkers, sharesClock } from './host/threads.ts';
import { checkEphemeralRange } from './net/ephemeral-range.ts';
import { chooseUdpIo, type UdpIoChoice, type UdpIoName } from './net/own-udp-io.ts';
import { lockPortRange, type PortRangeLock } from './net/port-lock.ts';
import { PortPairs } from './net/port-pairs.ts';
import type { UdpIo } from './net/udp-port.ts';
import { inlineCoder, PromptCoderPool, PromptStore } from './prompt/index.ts';
import type { EngineCounts, LegConfig } from './protocol.ts';
import type { ConferenceSnapshot, LegSnapshot } from './snapshot.ts';

/** ms until the kernel has taken a process apart that was killed. */
const dyingMs = 1000;
/** The sockets of a process that was killed are closed one by one: so often, and after so many ms, a port is tried again. */
const bindTries = 10;
const bindWaitMs = 20;
/** ms: of a worker that dies a second time within so long the next one has to wait as long. */
const restartMs = 1000;
/** ms: of a worker that dies a second time within so long the legs end. */
const deadlyMs = 10_000;

export interface CreateLegOptions {
  readonly bindAddress: string;
  /** Place it in the same worker as this leg. */
  readonly beside?: MediaLeg;
  readonly callId: string;
  /** Go on with the stream of an earlier leg, on its ports. */
  readonly snapshot?: LegSnapshot;
  /** What that leg showed its peer, where its keys came by DTLS. */
  readonly identity?: DtlsIdentity;
}

export class Media {
  readonly workers: number;
  /** Offers of ours have `a=rtcp-mux`. */
  readonly rtcpMux: boolean;
  /** Offers of ours have `a=rtcp-xr`. */
  readonly rtcpXr: boolean;
  /** How RTP sockets are read; `given`: the network is not this machine's. */
  readonly io: UdpIoName | 'given';
  readonly #settings: MediaSettings;
  readonly #udp: UdpIo | UdpIoChoice;
  readonly #ports: MediaPorts;
  readonly #pairs: PortPairs;
  readonly #sources: SourceLoader;
  readonly #legs = new Set<MediaLeg>();
  readonly #bridges = new Set<MediaBridge>();
  readonly #conferences = new Set<MediaConference>();
  #links: EngineLink[] = [];
  /** When a worker died last, by its index. */
  readonly #deaths = new Map<number, number>();
  readonly #restarts = new Set<Timer>();
  #names = 0;
  #prefix: string;
  #lock: PortRangeLock | undefined;
  #starting: Promise<void> | undefined;
  #opening: Promise<void> | undefined;
  #opened = false;
  #closing: Promise<void> | undefined;
  #identity: DtlsIdentity | undefined;

  /** @throws ConfigError when an option is wrong, or workers are asked for with a clock that is not the machine's */
  constructor(options: MediaOptions, ports: MediaPorts) {
    this.#settings = mediaSettings(options, {
      defaultWorkers: defaultWorkers(),
      shareable: sharesClock(ports.clock) && ports.udp === undefined,
    });
    this.workers = this.#settings.workers;
    this.rtcpMux = options.rtcpMux ?? false;
    this.rtcpXr = options.rtcpXr ?? false;
    this.#udp = ports.udp ?? chooseUdpIo(this.#settings.io);
    this.io = 'io' in this.#udp ? this.#udp.io : 'given';
    this.#ports = ports;
    this.#pairs = new PortPairs(this.#settings.rtpPorts.min, this.#settings.rtpPorts.max);
    this.#prefix = token(ports.random, 4);
    const { files, fetch, clock, tts } = ports;
    const coder = this.workers === 0 ? inlineCoder : new PromptCoderPool();
    const { promptCacheBytes } = this.#settings;
    const prompts = new PromptStore({ promptCacheBytes }, { files, fetch, coder });
    this.#sources = new SourceLoader(prompts, new Phrases(prompts, tts, clock), new Web(fetch, clock));
  }

  /**
   * Claims the port range and starts the engines. Idempotent.
   * @throws {TandemError} ERR_RTP_PORTS_IN_USE when another Tandem has some of these ports,
   *   ERR_CONFIG when they overlap the ephemeral range
   */
  open(): Promise<void> {
    this.#opening ??= this.#open();
    return this.#opening;
  }

  /**
   * Starts the engines and claims nothing yet: for who is about to take the ports of another process. Resolves when they
   * are up. Idempotent.
   */
  async prepare(): Promise<void> {
    await this.#start();
    await Promise.all(this.#links.map((link) => this.#warmUp(link)));
  }

  /** What a leg needs is compiled when the first one is made: then no call waits for that. */
  async #warmUp(link: EngineLink): Promise<void> {
    const leg = `${this.#prefix}-${++this.#names}`;
    await this.#create(link, leg, { ...this.#config('127.0.0.1', '', 0), rtcpPort: 0 });
    await link.request({ type: 'leg.close', leg, handover: false });
  }

  #start(): Promise<void> {
    this.#starting ??= this.#startAll();
    return this.#starting;
  }

  async #open(): Promise<void> {
    const { logger, udp, onSaved, files, random } = this.#ports;
    const { rtpPorts } = this.#settings;
    // What comes of it is awaited below.
    this.#start().catch(() => {});
    if (!udp) {
      await checkEphemeralRange(rtpPorts, files);
      // Whoever goes on with the legs of another process may be there before it is quite gone.
      this.#lock = await lockPortRange(rtpPorts, random, onSaved ? dyingMs : 0);
    }
    if ('io' in this.#udp) logger.info({ ...this.#udp, workers: this.workers }, 'media.io: how RTP sockets are read');
    await this.#start();
    this.#opened = true;
  }

  async #startAll(): Promise<void> {
    const { logger } = this.#ports;
    for (let index = 0; index < Math.max(1, this.workers); index++) {
      const link = new EngineLink(index, logger, (dead, error) => this.#onLost(dead, error));
      link.attach(await this.#startEngine(link));
      this.#links.push(link);
    }
  }

  async #startEngine(link: EngineLink): Promise<EngineHost> {
    const { clock, random, files, workerEntry, onSaved } = this.#ports;
    const { opus } = this.#settings;
    if (this.workers === 0) {
      if (opus) await loadOpus();
      const { startInline } = await import('./host/inline.ts');
      return startInline({ clock, random, files, udp: this.#udp, saves: onSaved && 'beyond' }, link);
    }
    const { startWorker } = await import('./host/worker.ts');
    return startWorker(
      {
        index: link.worker,
        clock,
        io: this.io as UdpIoName,
        opus,
        saves: onSaved ? 'beyond' : 'here',
        ...(workerEntry ? { entry: workerEntry } : {}),
      },
      link,
    );
  }

  /** A worker died: another takes its place. @returns whether its legs go on there */
  #onLost(link: EngineLink, error: TandemError): boolean {
    const { clock, logger } = this.#ports;
    logger.error({ err: error, worker: link.worker }, 'a media worker died; starting another');
    if (this.#closing) return false;
    const now = clock.now();
    const since = now - (this.#deaths.get(link.worker) ?? Number.NEGATIVE_INFINITY);
    this.#deaths.set(link.worker, now);
    if (since >= restartMs) {
      void this.#replace(link);
    } else {
      // What ends each of them would have a core to itself.
      const timer = clock.setTimer(restartMs, () => {
        this.#restarts.delete(timer);
        void this.#replace(link);
      });
      this.#restarts.add(timer);
    }
    // One of them may be what it died of.
    return since >= deadlyMs;
  }

  async #replace(link: EngineLink): Promise<void> {
    const host = await this.#startEngine(link);
    if (this.#closing) {
      await host.close();
      return;
    }
    link.attach(host);
    for (const bridge of this.#bridges) bridge.relink(link);
    for (const conference of this.#conferences) conference.relink(link);
  }

  /**
   * Binds an RTP/RTCP port pair in the engine with the fewest legs.
   * @throws {TandemError} ERR_NO_RTP_PORT when the range is used up, ERR_BIND for an address that is not ours; with a
   *   snapshot ERR_NO_RTP_PORT when another leg has its port or the range has it not, ERR_PORT_IN_USE when somebody else has it
   */
  async createLeg(options: CreateLegOptions): Promise<MediaLeg> {
    const link = this.#place(options.beside);
    return link.place(() => this.#createLeg(link, options));
  }

  async #createLeg(link: EngineLink, { bindAddress, callId, snapshot, identity }: CreateLegOptions): Promise<MediaLeg> {
    const id = snapshot?.leg ?? `${this.#prefix}-${++this.#names}`;
    if (snapshot && (snapshot.version !== 1 || !this.#pairs.claim(snapshot.port)))
      throw new TandemError('ERR_NO_RTP_PORT', `RTP port ${snapshot.port} of the snapshot is not free`, {
        facts: { port: snapshot.port },
      });
    const port = snapshot ? snapshot.port : await this.#bind(link, id, bindAddress, callId);
    const config = this.#config(bindAddress, callId, port);
    if (snapshot) {
      try {
        await this.#createAgain(link, id, config, snapshot);
      } catch (error) {
        this.#pairs.release(port);
        throw error;
      }
    }
    const leg: MediaLeg = new MediaLeg({
      id,
      config,
      link,
      sources: this.#sources,
      clock: this.#ports.clock,
      random: this.#ports.random,
      logger: this.#ports.logger,
      onSaved: this.#ports.onSaved,
      onClosed: () => {
        this.#legs.delete(leg);
        this.#pairs.release(port);
        for (const bridge of this.#bridges) bridge.remove(leg);
        for (const conference of this.#conferences) conference.remove(leg);
      },
    });
    this.#legs.add(leg);
    if (snapshot) leg.restore(snapshot, identity);
    return leg;
  }

  /** Tries pair after pair: a port may be in use by somebody who knows nothing of our range. */
  async #bind(link: EngineLink, leg: string, bindAddress: string, callId: string): Promise<number> {
    for (let tries = this.#pairs.free; tries > 0; tries--) {
      const port = this.#pairs.take();
      if (port === undefined) break;
      try {
        await this.#create(link, leg, this.#config(bindAddress, callId, port));
        return port;
      } catch (error) {
        this.#pairs.release(port);
        if (!(error instanceof TandemError) || error.code !== 'ERR_PORT_IN_USE') throw error;
      }
    }
    const { min, max } = this.#settings.rtpPorts;
    throw new TandemError('ERR_NO_RTP_PORT', `no RTP port is free in media.rtpPorts ${min}–${max}; widen the range`, {
      status: 503,
      facts: { min, max },
    });
  }

  /** What legs of this process show their peers, where keys come by DTLS. */
  get identity(): DtlsIdentity {
    this.#identity ??= createDtlsIdentity({
      random: this.#ports.random,
      now: this.#ports.clock.wallclock(),
      generateKey: generateEcKey,
    });
    return this.#identity;
  }

  async #createAgain(link: EngineLink, leg: string, config: LegConfig, snapshot: LegSnapshot): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        await this.#create(link, leg, config, snapshot);
        return;
      } catch (error) {
        if (tries === bindTries || !(error instanceof TandemError) || error.code !== 'ERR_PORT_IN_USE') throw error;
        await new Promise<void>((resolve) => {
          this.#ports.clock.setTimer(bindWaitMs, resolve, 'media port in use');
        });
      }
    }
  }

  #create(link: EngineLink, leg: string, config: LegConfig, snapshot?: LegSnapshot): Promise<void> {
    return link.request<void>({ type: 'leg.create', leg, config, ...(snapshot ? { snapshot } : {}) });
  }

  #config(bindAddress: string, callId: string, port: number): LegConfig {
    const { symmetricRtp, rtpTimeout, rtcpInterval, jitterBuffer } = this.#settings;
    return { callId, bindAddress, port, rtcpPort: port + 1, symmetricRtp, rtpTimeout, rtcpInterval, jitterBuffer };
  }

  #place(beside: MediaLeg | undefined): EngineLink {
    if (this.#closing || !this.#opened)
      throw new TandemError('ERR_MEDIA_CLOSED', this.#closing ? 'the media engine is closed' : 'call open() first');
    if (beside?.link.alive) return beside.link;
    const alive = this.#links.filter((link) => link.alive);
    let best = alive[0];
    for (const link of alive) if (best && link.load < best.load) best = link;
    if (!best) throw new TandemError('ERR_MEDIA_WORKER', 'no media worker is running', { status: 503 });
    return best;
  }

  createBridge(options: MediaBridgeOptions = {}): MediaBridge {
    const bridge: MediaBridge = new MediaBridge(`${this.#prefix}-b${++this.#names}`, options, () =>
      this.#bridges.delete(bridge),
    );
    this.#bridges.add(bridge);
    return bridge;
  }

  /**
   * Opens a conference; it lives beside its first member.
   * @param snapshot who was muted and whispered to whom in an earlier one, for when the same legs are added
   */
  createConference(snapshot?: ConferenceSnapshot): MediaConference {
    const conference: MediaConference = new MediaConference(
      snapshot?.conference ?? `${this.#prefix}-c${++this.#names}`,
      {
        place: (beside) => this.#place(beside),
        sources: this.#sources,
        onClosed: () => this.#conferences.delete(conference),
      },
      snapshot,
    );
    this.#conferences.add(conference);
    return conference;
  }

  /** What is open now, in all engines. */
  async counts(): Promise<EngineCounts> {
    const all = await Promise.all(
      this.#links.map((link) => link.request<EngineCounts>({ type: 'counts' }).catch(() => undefined)),
    );
    const sum = (key: keyof EngineCounts): number => all.reduce((total, one) => total + (one?.[key] ?? 0), 0);
    return {
      legs: sum('legs'),
      bridges: this.#bridges.size,
      conferences: sum('conferences'),
      playbacks: sum('playbacks'),
      recordings: sum('recordings'),
      sockets: sum('sockets'),
      timers: sum('timers'),
    };
  }

  /** ms of processor time that each thread of ours has used; a thread that was replaced begins anew. */
  cpuMs(): Promise<readonly number[]> {
    return Promise.all(this.#links.map((link) => link.request<number>({ type: 'cpu' }).catch(() => 0)));
  }

  /** Ends every leg, engine and thread. Idempotent, never rejects. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(): Promise<void> {
    await this.#opening?.catch(() => {});
    await this.#starting?.catch(() => {});
    for (const timer of this.#restarts) timer.cancel();
    this.#restarts.clear();
    for (const bridge of [...this.#bridges]) bridge.close();
    await Promise.all([...this.#conferences].map((conference) => conference.close()));
    await Promise.all([...this.#legs].map((leg) => leg.close()));
    await Promise.all(this.#links.map((link) => link.close()));
    this.#links = [];
    await this.#sources.close();
    await this.#lock?.release();
  }
}
