/**
 * A telephone system under test, in a network in memory, on a clock that runs as fast as it can. Everything that
 * happens in it is a function of the test and a seed.
 *
 *     await using lab = new Lab();
 *     await lab.serve(ivr);
 *     const alice = lab.phone('alice');
 *     await alice.dial('1000');
 *     await alice.hears('welcome.wav');
 */
import { isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';
// Media loads it when it opens; here it is loaded before the first test begins.
import '../../media/host/inline.ts';
import type { Random } from '../base/random.ts';
import type { TandemOptions } from '../options.ts';
import type { DialogServerSession } from '../session/dialog-server-session.ts';
import { hostPort } from '../sip/transport/address.ts';
import { Tandem } from '../tandem.ts';
import { LabError } from './errors.ts';
import { FakeClock } from './fake-clock.ts';
import { labLogger } from './lab-logger.ts';
import { LabTts } from './lab-tts.ts';
import { MemoryFetch } from './memory-fetch.ts';
import { MemoryFiles } from './memory-files.ts';
import type { LabHost } from './network/host.ts';
import { type ConditionOptions, LabNetwork } from './network/network.ts';
import { WireTrace } from './network/wire-trace.ts';
import type { Listener, PhoneLab } from './phone/listener.ts';
import { Phone } from './phone/phone.ts';
import { payloadsFor } from './phone/sdp.ts';
import { Station } from './phone/station.ts';
import { seededRandom } from './seeded-random.ts';
import { Sounds } from './sounds.ts';
import { TimeLine } from './time-line.ts';
import { Watch } from './watch.ts';

export interface LabOptions {
  /** Decides everything that is left to chance; default: `TANDEM_SEED`, else 1. */
  readonly seed?: number | string;
  /** How the network is; default: 1 ms from host to host, and nothing lost. */
  readonly network?: ConditionOptions;
  /** Where phones find the sounds they are to say and to hear; default: the working directory. */
  readonly sounds?: string | URL;
  /** The time of day at the start, Unix ms. */
  readonly epoch?: number;
}

export interface LabTandemOptions extends TandemOptions {
  /** By which phones can call it, and which the time line shows; default `tandem`, `tandem2`, … */
  readonly name?: string;
  /** Default 10.0.0.1, 10.0.0.2, … */
  readonly address?: string;
}

export interface PhoneOptions {
  /** Default 10.0.1.1, 10.0.1.2, … */
  readonly address?: string;
  /** What it speaks, in order; default PCMU, PCMA, telephone-event. */
  readonly codecs?: readonly string[];
  /** How it sends its requests; default `udp`. */
  readonly transport?: 'udp' | 'tcp';
  /** Sends silence while it has nothing to say, as phones do; default true. */
  readonly talks?: boolean;
}

/** As `tandem serve` takes it: what handles a call. */
export type LabHandler = (call: DialogServerSession, tandem: Tandem) => Promise<void> | void;

/** How far time may go for work that never ends by itself: an hour. */
const longestMs = 3_600_000;
/** Entries of the time line that a failure shows. */
const shown = 60;
const rtpPorts = { min: 16_384, max: 32_766 };

export class Lab implements AsyncDisposable {
  readonly seed: number | string;
  readonly clock: FakeClock;
  readonly network: LabNetwork;
  readonly timeLine: TimeLine;
  /** The servers' files: what they write is here, what they read may be on the disk. */
  readonly files: MemoryFiles;
  /** The servers' HTTP. */
  readonly fetch: MemoryFetch;
  /** The servers' text to speech. */
  readonly tts: LabTts;
  readonly #sounds: Sounds;
  readonly #trace: WireTrace;
  readonly #watch: Watch;
  readonly #tandems: { readonly tandem: Tandem; readonly host: LabHost }[] = [];
  readonly #stations: Station[] = [];
  #closing: Promise<void> | undefined;
  /** The error that was thrown last, until the test goes on: then it was expected. */
  #failed: LabError | undefined;

  constructor(options: LabOptions = {}) {
    this.seed = options.seed ?? process.env.TANDEM_SEED ?? 1;
    this.clock = new FakeClock(options.epoch);
    this.network = new LabNetwork(this.clock, this.seed);
    this.timeLine = new TimeLine(this.seed);
    this.files = new MemoryFiles(this.clock);
    this.fetch = new MemoryFetch(this.clock);
    this.tts = new LabTts(this.clock);
    this.#sounds = new Sounds(this.files, folderOf(options.sounds));
    this.#trace = new WireTrace(this.timeLine, (address) => this.network.hostAt(address)?.name ?? address);
    this.network.onSight = (sight) => this.#trace.see(sight);
    this.#watch = new Watch(this.clock, this.timeLine);
    if (options.network) this.network.set(options.network);
  }

  // ---- who is in it

  /** A Tandem of its own host, on UDP and TCP port 5060 unless said otherwise; not listening yet. */
  newTandem(options: LabTandemOptions = {}): Tandem {
    const number = this.#tandems.length + 1;
    const { name = number === 1 ? 'tandem' : `tandem${number}`, address = `10.0.0.${number}`, ...rest } = options;
    const host = this.network.host(name, address);
    const listen = { bindHost: address, bindPort: 5060 };
    const tandem = new Tandem({
      transports: [
        { transport: 'udp', ...listen },
        { transport: 'tcp', ...listen },
      ],
      logger: labLogger(this.timeLine, this.clock, name),
      tts: this.tts,
      ...rest,
      media: { rtpPorts, ...rest.media, workers: 0 },
      clock: this.clock,
      random: this.random(name),
      files: this.files,
      fetch: this.fetch,
      resolver: this.network.resolver,
      network: host.sip,
      udp: host.rtp,
    });
    this.#tandems.push({ tandem, host });
    this.#watch.follow(name, tandem);
    return tandem;
  }

  /** A Tandem that listens, and hands its calls to `handler`: a function, or the default export of a script. */
  async serve(handler: LabHandler, options: LabTandemOptions = {}): Promise<Tandem> {
    const tandem = this.newTandem(options);
    await tandem.serveBackground((call) => handler(call, tandem));
    return tandem;
  }

  /** A phone on a host of its own. @param name which is its user name too; default `phone1`, `phone2`, … */
  phone(name = `phone${this.#stations.length + 1}`, options: PhoneOptions = {}): Phone {
    const number = this.#stations.length;
    const address = options.address ?? `10.0.${1 + Math.floor(number / 250)}.${1 + (number % 250)}`;
    const host = this.network.host(name, address);
    const station = new Station({
      clock: this.clock,
      random: this.random(name),
      host,
      network: this.network,
      timeLine: this.timeLine,
      line: {
        uri: `sip:${name}@${hostPort(address, undefined)}`,
        payloads: payloadsFor(options.codecs ?? ['PCMU', 'PCMA', 'telephone-event']),
        talks: options.talks ?? true,
        transport: options.transport ?? 'udp',
      },
    });
    this.#stations.push(station);
    return new Phone(name, station, this.#forPhones);
  }

  /** Randomness for whatever a test leaves to chance: a stream of its own for each name. */
  random(name: string): Random {
    return seededRandom(this.seed, name);
  }

  // ---- time

  /** Lets so much time pass. */
  advance(ms: number): Promise<void> {
    this.#failed = undefined;
    return this.clock.advance(ms);
  }

  /**
   * Lets time pass until the work is done, and no further: for whatever needs time to go on but is not a phone's.
   * @param withinMs how far time may go; default an hour
   * @throws what the work throws; LabError when it is not done by then, or nothing is left that could bring it about
   */
  async run<T>(work: Promise<T> | (() => Promise<T>), withinMs = longestMs): Promise<T> {
    this.#failed = undefined;
    const promise = typeof work === 'function' ? work() : work;
    let over = false;
    const done = (): void => {
      over = true;
    };
    promise.then(done, done);
    if (await this.clock.runUntil(() => over, withinMs)) return promise;
    throw this.failure(`what the test waits for did not happen within ${withinMs / 1000} s`);
  }

  /** Lets time pass until `done`. @returns false when it was not within so many ms */
  until(done: () => boolean, withinMs = longestMs): Promise<boolean> {
    this.#failed = undefined;
    return this.clock.runUntil(done, withinMs);
  }

  // ---- what went on

  /** An error that shows the time line and the seed; phones and matchers throw it. */
  failure(message: string, listener?: Listener): LabError {
    const text = `${message}\n\n${this.#story(listener)}`;
    this.#failed = new LabError('ERR_LAB', text, { facts: { seed: this.seed } });
    return this.#failed;
  }

  #story(listener?: Listener): string {
    const heard = listener?.call ? [listener.describeHearing(this.#sounds.all()), ''] : [];
    return [...heard, this.timeLine.toString({ last: shown })].join('\n');
  }

  readonly #forPhones: PhoneLab = {
    until: (done, withinMs) => this.until(done, withinMs),
    run: (work) => this.run(work),
    reference: (sound) => this.run(this.#sounds.reference(sound)),
    references: async () => this.#sounds.all(),
    failure: (message, listener) => this.failure(message, listener),
    pardon: (error) => {
      if (this.#failed === error) this.#failed = undefined;
    },
    uriFor: (target, transport) => this.#uriFor(target, transport),
  };

  #uriFor(target: string, transport: 'udp' | 'tcp'): string {
    if (/^[a-z][a-z0-9+.-]*:/i.test(target)) return target;
    const params = transport === 'tcp' ? ';transport=tcp' : '';
    const [user, host] = target.split('@');
    const at = host ?? this.#tandems[0]?.host.address;
    if (at === undefined) throw new LabError('ERR_LAB', `whom does ${target} mean? There is no Tandem in the lab yet`);
    return `sip:${user}@${hostPort(at, undefined)}${params}`;
  }

  // ---- the end

  /**
   * Ends the lab: phones hang up, servers get the time to end what they do, and then nothing may be left.
   * @throws LabError that names what is left: a call, a dialog, a transaction, a port, a timer, a file, a rejection
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** As `close`; but when the scope is left by an error of the lab's, that one is not hidden by what it leaves behind. */
  async [Symbol.asyncDispose](): Promise<void> {
    const failed = this.#failed !== undefined;
    await this.close().catch((error: unknown) => {
      if (!failed) throw error;
    });
  }

  async #close(): Promise<void> {
    const left = await this.#leftOvers();
    this.#watch.close();
    this.network.close();
    if (left.length > 0)
      throw this.failure(`the lab is not as clean as before:\n${left.map((l) => `  - ${l}`).join('\n')}`);
  }

  async #leftOvers(): Promise<string[]> {
    const { clock, network } = this;
    network.heal();
    network.set({ loss: 0, reorder: 0, duplicate: 0 });
    for (const { host } of this.#stations) host.online = true;
    for (const station of this.#stations) station.hangup();
    const tandems = this.#tandems.map(({ tandem }) => tandem);
    const left: string[] = [];
    // Transactions live for 32 s after the last word.
    if (!(await this.#idle(tandems, 100_000))) {
      // Calls whose phone will never say anything are the servers' to end.
      await this.run(Promise.all(tandems.map((tandem) => tandem.drain({ timeout: 0 }))));
      await this.#idle(tandems, 100_000);
    }
    for (const { tandem, host } of this.#tandems) left.push(...(await this.#watch.leftIn(host.name, tandem)));
    this.#trace.end();
    for (const tandem of tandems) await this.run(tandem.close());
    for (const station of this.#stations) station.close();
    await clock.advance(10_000);
    for (const { name, open } of network.hosts)
      if (open.length > 0) left.push(`${name}: ${open.join(', ')} still open`);
    const timers = clock.pendingTimers().map(({ label }) => label);
    if (timers.length > 0) left.push(`timers: ${timers.join(', ')}`);
    if (this.files.open > 0) left.push(`files that are being written: ${this.files.open}`);
    left.push(...this.#watch.rejections);
    return left;
  }

  /** Lets time pass until no server has anything open. */
  async #idle(tandems: readonly Tandem[], limitMs: number): Promise<boolean> {
    for (let waited = 0; ; waited += 1000) {
      const reports = await Promise.all(tandems.map((tandem) => tandem.check()));
      if (reports.every((report) => this.#watch.isIdle(report))) return true;
      if (waited >= limitMs) return false;
      await this.clock.advance(1000);
    }
  }
}

function folderOf(sounds: string | URL | undefined): string {
  if (sounds === undefined) return '';
  const path = sounds instanceof URL ? fileURLToPath(sounds) : sounds;
  const folder = isAbsolute(path) ? path : join(process.cwd(), path);
  return folder.endsWith('/') ? folder : `${folder}/`;
}
