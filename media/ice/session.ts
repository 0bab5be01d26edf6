/**
 * One ICE session, from a pair of credentials to the next (RFC 8445 §2.4): the peer's addresses, the one that is selected,
 * and its consent. A lite session answers and remembers; one that is not has `Checks` that ask for themselves.
 */
import type { Random } from '../../src/base/random.ts';
import type { UdpPeer } from '../net/udp-port.ts';
import { transactionBytes } from '../stun/constants.ts';
import type { MappedAddress, StunReader, TieBreaker } from '../stun/reader.ts';
import type { StunWriter } from '../stun/writer.ts';
import { Checks } from './checks.ts';
import { sameCredentials } from './credentials.ts';
import type { Counted } from './gate.ts';
import { IceKeys } from './keys.ts';
import { answerTo, errorTo, keepalive } from './messages.ts';
import { heardAt, mostSignalled, never, type Pair, Pairs } from './pairs.ts';
import { type IceSessionSnapshot, shiftPair } from './snapshot.ts';
import type { IceCandidate, IceParameters, IceRefused, IceRole } from './types.ts';

/** RFC 7675 §5.1. */
export const consentMs = 30_000;
/** RFC 8445 §11: where consent is not asked for, which keeps bindings as well. */
const keepaliveMs = 15_000;
/** How long a peer may take to find us before this counts as failed (RFC 8863 §4). */
export const patienceMs = 39_500;
/** A selected pair that was heard of more recently is not left for one that ranks below it. */
const quietMs = 500;
/** Nor one that was heard of so recently for one that nobody nominated: checks of consent are 6 s apart at the most. */
const silentMs = 7000;

/** What happened, over all sessions of a leg. */
export interface IceCounts {
  checksReceived: number;
  checksAnswered: number;
  checksSent: number;
  answersReceived: number;
  restarts: number;
  rttMs: number | undefined;
  readonly refused: Counted<IceRefused>;
}

export interface SessionPorts {
  readonly random: Random;
  readonly local: readonly IceCandidate[];
  readonly counts: IceCounts;
  readonly send: (message: StunWriter, to: UdpPeer) => void;
}

export class IceSession {
  readonly keys: IceKeys;
  readonly pairs: Pairs;
  readonly startedAt: number;
  readonly tieBreaker: TieBreaker;
  readonly ports: SessionPorts;
  parameters: IceParameters;
  role: IceRole;
  selected: Pair | undefined;
  /** The consent of the selected pair has run out. */
  lost = false;
  /** ms when the peer last showed that it wants media on the selected pair. */
  consentAt = never;
  #keepaliveAt: number;
  readonly #checks: Checks | undefined;

  constructor(ports: SessionPorts, parameters: IceParameters, tieBreaker: TieBreaker, now: number) {
    this.ports = ports;
    this.parameters = bounded(parameters);
    this.tieBreaker = tieBreaker;
    this.startedAt = now;
    this.keys = new IceKeys(parameters.local, parameters.remote);
    this.pairs = new Pairs(ports.local, now);
    this.role = roleOf(parameters);
    this.#keepaliveAt = now + keepaliveMs;
    this.#checks = parameters.localLite ? undefined : new Checks(this, now);
    for (const candidate of this.parameters.candidates) this.pairs.add(candidate);
    if (this.#bothLite) this.#takeDefault();
  }

  /** Goes on from a snapshot. @param takenAt ms on this engine's clock */
  static restore(ports: SessionPorts, saved: IceSessionSnapshot, takenAt: number): IceSession {
    const session = new IceSession(ports, saved.parameters, saved.tieBreaker, saved.startedAt + takenAt);
    const restored = saved.pairs.map((pair) => session.pairs.restore(shiftPair(pair, takenAt)));
    session.role = saved.role;
    session.selected = saved.selected === undefined ? session.selected : restored[saved.selected];
    session.lost = saved.lost;
    session.consentAt = saved.consentAt + takenAt;
    session.#checks?.resume(takenAt);
    return session;
  }

  snapshot(now: number): IceSessionSnapshot {
    const { localLite } = this.parameters;
    const pairs = this.pairs.all.filter((pair) => !localLite || pair === this.selected || heardAt(pair) !== never);
    return {
      parameters: this.parameters,
      role: this.role,
      tieBreaker: this.tieBreaker,
      pairs: pairs.map((pair) => shiftPair(pair, -now)),
      selected: this.selected && pairs.indexOf(this.selected),
      lost: this.lost,
      startedAt: this.startedAt - now,
      consentAt: this.consentAt - now,
    };
  }

  /** The same offer and answer with more in it, or the same offer again. False for other credentials: another session. */
  continues({ local, remote }: IceParameters): boolean {
    const before = this.parameters;
    return (
      sameCredentials(local, before.local) && (!before.remote || !remote || sameCredentials(remote, before.remote))
    );
  }

  configure(parameters: IceParameters, now: number): void {
    const before = this.parameters;
    this.parameters = bounded({ ...parameters, remote: parameters.remote ?? before.remote });
    if (!before.remote && parameters.remote) {
      this.keys.peer = parameters.remote;
      this.pairs.keepOf(parameters.remote.ufrag);
    }
    // RFC 8445 §7.3.1.1: who found out that the roles are others than it was told keeps what it found.
    if (roleOf(before) !== roleOf(parameters)) this.role = roleOf(parameters);
    for (const candidate of this.parameters.candidates) this.add(candidate);
    if (this.#bothLite) this.#takeDefault();
    else if (!before.remote) for (const pair of this.pairs.all) if (pair.nominated) this.nominate(pair, now);
  }

  add(candidate: IceCandidate): void {
    this.pairs.add(candidate);
    if (this.#bothLite) this.#takeDefault();
  }

  /** Nobody sends checks (RFC 8445 §6.1.1), so that nobody can nominate, nor show consent. */
  get #bothLite(): boolean {
    return this.parameters.localLite && this.parameters.remoteLite;
  }

  /** RFC 8445 §8.2: of several, the one that ranks highest. */
  #takeDefault(): void {
    for (const pair of this.pairs.all)
      if (!this.selected || pair.priority > this.selected.priority) this.selected = pair;
  }

  /** A check of the peer that the gate let pass. */
  request(request: StunReader, from: UdpPeer, now: number): void {
    const { counts } = this.ports;
    const key = this.keys.local;
    if (request.unknown.length > 0) {
      counts.refused.unknownAttributes++;
      this.ports.send(errorTo(request, 420, key), from);
      return;
    }
    if (this.#conflicts(request)) {
      counts.refused.roleConflict++;
      this.ports.send(errorTo(request, 487, key), from);
      return;
    }
    const known = this.pairs.find(from);
    // RFC 8445 §7.1.1: each check says how its candidate ranks.
    if (!known && request.priority === undefined) {
      counts.refused.malformed++;
      this.ports.send(errorTo(request, 400, key), from);
      return;
    }
    const pair = known ?? this.pairs.learn(from, request.priority ?? 0, now, this.selected);
    if (!pair) {
      counts.refused.rate++;
      return;
    }
    counts.checksReceived++;
    counts.checksAnswered++;
    this.ports.send(answerTo(request, from, key), from);
    this.#checked(pair, request, now);
  }

  #checked(pair: Pair, request: StunReader, now: number): void {
    pair.ufrag = this.keys.peer ? undefined : request.username?.split(':')[1];
    const again = this.#wentTo(pair, now);
    pair.checkedAt = now;
    pair.nominates = request.useCandidate;
    if (pair === this.selected && this.parameters.localLite) this.#consents(now);
    this.#checks?.trigger(pair, now);
    if (this.role !== 'controlled') return;
    if (pair.nominates) {
      pair.nominated = true;
      this.nominate(pair, now, again);
    } else if (again && !this.#checks && now - this.#selectedHeardAt >= silentMs) this.move(pair, now);
  }

  /**
   * Whether the peer has checked this pair before, and not the selected one since: a browser that changes its network does
   * not say that it leaves, nor does one whose NAT gives it another address. One that keeps several pairs checks them in turn.
   */
  #wentTo(pair: Pair, now: number): boolean {
    const before = this.selected;
    if (!before || pair === before) return false;
    return pair.checkedAt > before.checkedAt && now - this.#selectedHeardAt >= quietMs;
  }

  get #selectedHeardAt(): number {
    return Math.max(this.selected?.checkedAt ?? never, this.consentAt);
  }

  /** The selected pair is this one now, with all that was settled of it. */
  move(pair: Pair, now: number): void {
    pair.nominated ||= this.selected?.nominated ?? false;
    this.select(pair, now);
  }

  /** RFC 8445 §7.3.1.1. @returns whether the peer is the one to give way */
  #conflicts(request: StunReader): boolean {
    const peer = this.role === 'controlling' ? request.controlling : request.controlled;
    if (!peer) return false;
    // Who is lite is controlled, whatever the numbers say (§6.1.1); and a peer that is lite controls nobody.
    if (this.parameters.localLite !== this.parameters.remoteLite) return true;
    const { high, low } = this.tieBreaker;
    const ours = high > peer.high || (high === peer.high && low >= peer.low);
    const gives = this.role === 'controlling' ? ours : !ours;
    if (!gives) this.switchRole();
    return gives;
  }

  switchRole(): void {
    this.role = this.role === 'controlling' ? 'controlled' : 'controlling';
  }

  /**
   * The peer wants media on this pair. Taken at once, or when our own check of it is answered.
   * @param went the peer has left the selected pair for it
   */
  nominate(pair: Pair, now: number, went = false): void {
    const checked = this.#checks ? pair.state === 'succeeded' : true;
    if (checked && this.keys.peer && this.#follows(pair, went)) this.select(pair, now);
  }

  /**
   * RFC 8445 §8.1.1: of several nominated pairs the one that ranks highest. But a browser that changed its network nominates
   * one that may rank below that of before, while a peer that nominates whatever it checks means nothing by it.
   */
  #follows(pair: Pair, went: boolean): boolean {
    const before = this.selected;
    if (!before || pair === before || this.lost || !before.nominated) return true;
    return pair.priority > before.priority || !before.nominates || went;
  }

  select(pair: Pair, now: number): void {
    const before = this.selected;
    this.selected = pair;
    if (pair !== before || this.lost) this.#consents(now);
    this.#checks?.selected(pair !== before, now);
  }

  #consents(now: number): void {
    this.consentAt = now;
    this.lost = false;
  }

  /** An answer to a check of ours. @returns whether it was one */
  response(response: StunReader, from: UdpPeer, now: number): boolean {
    return this.#checks?.response(response, from, now) ?? false;
  }

  /** Our check of the selected pair was answered. */
  consented(now: number): void {
    this.#consents(now);
  }

  /** Authenticated media came from the selected pair. To one that cannot ask, that is consent. */
  heard(now: number): void {
    if (this.parameters.localLite) this.#consents(now);
  }

  /**
   * Authenticated media came from another pair than the selected one. A browser uses a pair once it was checked, and
   * nominates it seconds later: where none is selected, or that one is silent, media goes to where it comes from.
   * @returns whether that pair is the selected one now
   */
  heardFrom(from: UdpPeer, now: number): boolean {
    const pair = this.parameters.localLite ? this.pairs.find(from) : undefined;
    if (!pair || heardAt(pair) === never || (this.selected && now - this.#selectedHeardAt < quietMs)) return false;
    this.move(pair, now);
    return true;
  }

  tick(now: number): void {
    if (this.#consentEnds <= now) {
      this.lost = true;
      // What has not been asked for so long says nothing any more; checks of the peer bring it back.
      for (const pair of this.pairs.all) if (pair.answeredAt + consentMs <= now) pair.state = 'failed';
    }
    this.#checks?.tick(now);
    if (this.#nextKeepalive > now) return;
    this.#keepaliveAt = now + keepaliveMs;
    if (this.selected) this.ports.send(keepalive(this.ports.random.bytes(transactionBytes)), this.selected.peer);
  }

  /** ms of the next thing to do; Infinity for none */
  get due(): number {
    return Math.min(this.#consentEnds, this.#nextKeepalive, this.#checks?.due ?? Number.POSITIVE_INFINITY);
  }

  get #consentEnds(): number {
    const asked = this.selected && !this.lost && !this.#bothLite;
    return asked ? this.consentAt + consentMs : Number.POSITIVE_INFINITY;
  }

  get #nextKeepalive(): number {
    const asked = this.selected && !this.lost && this.parameters.localLite;
    return asked ? this.#keepaliveAt : Number.POSITIVE_INFINITY;
  }

  get reflexive(): readonly MappedAddress[] {
    return this.#checks?.reflexive ?? [];
  }

  consentAge(now: number): number | undefined {
    return this.selected && !this.#bothLite ? now - this.consentAt : undefined;
  }

  /** Somebody who has the password was heard from there. */
  isValid(from: UdpPeer): boolean {
    const pair = this.pairs.find(from);
    return pair !== undefined && (heardAt(pair) !== never || (this.#bothLite && pair === this.selected));
  }
}

/** What is kept of the peer's candidates, in snapshots too, is no more than what is used of them. */
function bounded(parameters: IceParameters): IceParameters {
  return { ...parameters, candidates: parameters.candidates.slice(0, 2 * mostSignalled) };
}

/** RFC 8445 §6.1.1. */
function roleOf({ localLite, remoteLite, role }: IceParameters): IceRole {
  if (localLite === remoteLite) return role;
  return localLite ? 'controlled' : 'controlling';
}
