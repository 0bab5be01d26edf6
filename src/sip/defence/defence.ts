/**
 * Keeps one source from taking what is everybody's. It counts failures, not messages: a trunk that sends thousands of
 * good calls never comes near a limit, a scanner does in milliseconds. What is over is dropped without an answer, since
 * an answer tells a scanner that it has found something, and goes to somebody else where the address is forged.
 */
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import { TokenBucket } from '../../base/token-bucket.ts';
import { isInside } from '../cidr.ts';
import type { Counters } from '../counters.ts';
import { header, type SipRequest } from '../message.ts';
import { type Ban, BanList, type BanReason } from './ban-list.ts';
import { scannerTest } from './fingerprints.ts';
import type { DefenceSettings } from './options.ts';
import { BoundedMap, Shares, sourceOf } from './sources.ts';

/** Anything that has the address of a peer. */
interface From {
  /** Numeric. */
  readonly address: string;
}

export interface DefenceContext {
  readonly clock: Clock;
  readonly counters: Counters;
  readonly logger: Logger;
  /** Addresses that are exempt beside those of the settings. */
  readonly trusts: (address: string) => boolean;
  /** A source was banned. */
  readonly onBan: (ban: Ban) => void;
}

/** What a source has left. */
interface Source {
  /** Until nothing of it is read. */
  readonly limit: TokenBucket;
  /** Until it is banned. */
  readonly patience: TokenBucket;
}

const maxSources = 10_000;
const patienceSeconds = 600;
/** Finals that say that a request had no business here. Not 480, 486, 488 and the like: those are calls. */
const failures: ReadonlySet<number> = new Set([400, 403, 404, 405, 413, 414, 416, 484, 485, 501, 505, 513, 604]);
/** The first answer to every phone that registers. */
const challenges: ReadonlySet<number> = new Set([401, 407]);
/** In failures. */
const costs = { failure: 1, challenge: 0.2, wrongPassword: 5, nuisance: 0.1 } as const;
/** What a source gets back: for a call that it has acknowledged, and for credentials that are right. */
const credits = { call: 1, password: 10 } as const;
const logsPerSecond = 0.2;
const logBurst = 10;

/** Bans, for whoever runs the server, and what they are made of, for whoever checks credentials. */
export interface Defence {
  /** Those that hold now, the oldest first. */
  bans(): readonly Ban[];
  /** @param options `forMs` ms; default as of a ban of our own. Exempt addresses can be banned by hand. */
  ban(address: string, options?: { readonly forMs?: number }): Ban;
  /** Lets an address in again, with nothing held against it. @returns whether it was banned */
  unban(address: string): boolean;
  /** Credentials from an address were wrong: as much as five other failures. */
  failed(from: { readonly address: string }): void;
  /** Credentials were right: takes ten failures back. */
  succeeded(from: { readonly address: string }): void;
}

export class SipDefence implements Defence {
  readonly settings: DefenceSettings;
  /** Dialogs that sources began. */
  readonly dialogs = new Shares();
  readonly #context: DefenceContext;
  readonly #bans: BanList;
  readonly #sources = new BoundedMap<Source>(maxSources);
  readonly #callers = new BoundedMap<TokenBucket>(maxSources);
  /** Calls that are up. */
  readonly #up = new Shares();
  readonly #isScanner: (userAgent: string) => boolean;
  readonly #logs: TokenBucket;
  #unlogged = 0;

  constructor(settings: DefenceSettings, context: DefenceContext) {
    this.settings = settings;
    this.#context = context;
    this.#bans = new BanList(context.clock, settings.banFor);
    this.#isScanner = scannerTest(settings.scanners);
    this.#logs = new TokenBucket(logsPerSecond, logBurst, context.clock.now());
  }

  bans(): readonly Ban[] {
    return this.#bans.active;
  }

  ban(address: string, { forMs }: { readonly forMs?: number } = {}): Ban {
    return this.#ban(sourceOf(address), 'manual', forMs);
  }

  unban(address: string): boolean {
    const source = sourceOf(address);
    this.#sources.delete(source);
    return this.#bans.remove(source);
  }

  /**
   * Whether to read what comes from an address; counts what is not. With calls up its messages are read in any case,
   * and only what is new is refused: whoever forges the address of a trunk must not cut its calls.
   */
  hears(address: string): boolean {
    if (this.#bans.isEmpty && this.#sources.size === 0) return true;
    const source = sourceOf(address);
    const why = this.#against(source);
    if (!why || this.#up.of(source) > 0) return true;
    this.#context.counters[why]++;
    return false;
  }

  /** Whether to drop a request that would begin something; counts it then. */
  drops(request: SipRequest, { address }: From): boolean {
    const source = sourceOf(address);
    const why = this.#against(source);
    if (why) {
      this.#context.counters[why]++;
      return true;
    }
    const userAgent = header(request, 'user-agent');
    if (userAgent === undefined || !this.#isScanner(userAgent) || this.#isExempt(address)) return false;
    this.#context.counters.scanners++;
    if (this.#up.of(source) === 0 && this.settings.banAfter > 0) this.#ban(source, 'scanner');
    return true;
  }

  /** Whether a source is over `callRate` with this INVITE. */
  callsTooOften({ address }: From): boolean {
    const { callRate } = this.settings;
    if (callRate === 0 || this.#isExempt(address)) return false;
    const source = sourceOf(address);
    const now = this.#context.clock.now();
    const calls = this.#callers.get(source) ?? new TokenBucket(callRate, Math.max(1, callRate), now);
    this.#callers.set(source, calls);
    if (calls.has(now)) {
      calls.take(1, now);
      return false;
    }
    this.#charge(address, costs.failure, 'refused');
    return true;
  }

  /** Whether a source has `count` of `max`, and is one that limits are for. */
  isOverShare({ address }: From, shares: Shares, max: number): boolean {
    return shares.of(sourceOf(address)) >= max && !this.#isExempt(address);
  }

  isLimited({ address }: From): boolean {
    return this.#against(sourceOf(address)) !== undefined;
  }

  /** What came was no SIP. */
  malformed(address: string): void {
    this.#charge(address, costs.failure, 'malformed');
  }

  /** A new request got this final response. */
  answered(status: number, { address }: From): void {
    if (challenges.has(status)) this.#charge(address, costs.challenge, 'credentials');
    else if (failures.has(status)) this.#charge(address, costs.failure, 'refused');
  }

  /**
   * What is harmless now and then: a question, or a request for a call that is gone. It never bans: after a restart a
   * trunk sends BYEs of calls that we know nothing of.
   */
  nuisance({ address }: From): void {
    this.#charge(address, costs.nuisance, undefined);
  }

  failed({ address }: From): void {
    this.#charge(address, costs.wrongPassword, 'credentials');
  }

  succeeded({ address }: From): void {
    this.#credit(sourceOf(address), credits.password);
  }

  /** A call is up: the peer has sent its ACK, or has answered ours. */
  callUp(source: string): void {
    this.#credit(source, credits.call);
    this.#up.add(source);
  }

  callDown(source: string): void {
    this.#up.remove(source);
  }

  #against(source: string): 'banned' | 'rateLimited' | undefined {
    if (this.#bans.has(source)) return 'banned';
    const known = this.#sources.get(source);
    return known && !known.limit.has(this.#context.clock.now()) ? 'rateLimited' : undefined;
  }

  #isExempt(address: string): boolean {
    return isInside(this.settings.exempt, address) || this.#context.trusts(address);
  }

  /** @param reason of the ban that this leads to in the end; undefined: it does not */
  #charge(address: string, cost: number, reason: BanReason | undefined): void {
    if (this.#isExempt(address)) return;
    const source = sourceOf(address);
    const now = this.#context.clock.now();
    const known = this.#sources.get(source) ?? this.#newSource(now);
    this.#sources.set(source, known);
    known.limit.take(cost, now);
    if (reason === undefined || this.settings.banAfter === 0 || known.patience.take(cost, now)) return;
    if (this.#up.of(source) === 0 && !this.#bans.has(source)) this.#ban(source, reason);
  }

  #newSource(now: number): Source {
    const { rate, burst, banAfter } = this.settings;
    return {
      limit: new TokenBucket(rate, burst, now),
      patience: new TokenBucket(banAfter / patienceSeconds, banAfter, now),
    };
  }

  #credit(source: string, count: number): void {
    const known = this.#sources.get(source);
    if (!known) return;
    const now = this.#context.clock.now();
    known.limit.give(count, now);
    known.patience.give(count, now);
  }

  #ban(source: string, reason: BanReason, forMs?: number): Ban {
    const ban = this.#bans.add(source, reason, forMs);
    // The ban is the punishment: after it everything begins anew.
    this.#sources.delete(source);
    this.#context.counters.bans++;
    this.#log(ban);
    this.#context.onBan(ban);
    return ban;
  }

  #log({ address, reason, since, until }: Ban): void {
    const now = this.#context.clock.now();
    if (!this.#logs.has(now)) {
      this.#unlogged++;
      return;
    }
    this.#logs.take(1, now);
    const more = this.#unlogged === 0 ? {} : { unlogged: this.#unlogged };
    this.#unlogged = 0;
    this.#context.logger.warn({ address, reason, seconds: (until - since) / 1000, ...more }, 'banned a source');
  }
}
