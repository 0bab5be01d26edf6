/**
 * The checks that a full agent sends (RFC 8445 §6.1.4, §7.2): of each pair in the order of their rank, of pairs that the
 * peer checks first, of one to nominate it where we are controlling (§8.1.1), and of the selected one for consent
 * (RFC 7675 §5.1).
 */
import type { UdpPeer } from '../net/udp-port.ts';
import { stunClass, transactionBytes } from '../stun/constants.ts';
import type { MappedAddress, StunReader } from '../stun/reader.ts';
import type { StunWriter } from '../stun/writer.ts';
import { candidatePriority } from './candidate.ts';
import { checkOf } from './messages.ts';
import type { Pair } from './pairs.ts';
import { Retransmission } from './retransmission.ts';
import type { IceSession } from './session.ts';
import type { IceRole } from './types.ts';

/** Ta (RFC 8445 §14.2): between two checks that are new. */
const paceMs = 50;
/** RFC 8445 §14.3. */
const shortestRtoMs = 500;
/** How long one that ranks higher is waited for when a pair is there that could be nominated. */
const betterMs = 300;
/** RFC 7675 §5.1: 5 s, give or take a fifth. */
const consentLeastMs = 4000;
const consentSpreadMs = 2000;
/** A selected pair that leaves so many checks of consent in a row unanswered, each for so long, is left for one that answers. */
const suspiciousMs = 1000;
const suspiciousChecks = 3;
const mostReflexive = 8;
/** A pair that was valid a moment ago answers soon, or another one is taken. */
const nominationRequests = 4;
const later = Number.POSITIVE_INFINITY;

interface Check {
  readonly pair: Pair;
  readonly transaction: Uint8Array;
  readonly message: StunWriter;
  readonly role: IceRole;
  readonly nominates: boolean;
  readonly sentAt: number;
  readonly again: Retransmission;
}

interface ConsentCheck {
  readonly pair: Pair;
  readonly transaction: Uint8Array;
  readonly sentAt: number;
}

export class Checks {
  readonly #session: IceSession;
  readonly #priority = candidatePriority('prflx');
  #triggered: Pair[] = [];
  readonly #outstanding = new Map<Pair, Check>();
  /** ms when the next check may begin. */
  #paceAt: number;
  /** ms when there was first a pair that could be nominated. */
  #validAt = later;
  #nominating: Pair | undefined;
  #consent: ConsentCheck | undefined;
  #consentAt = later;
  /** Checks of consent since the last answer. */
  #unanswered = 0;
  readonly #reflexive: MappedAddress[] = [];

  constructor(session: IceSession, now: number) {
    this.#session = session;
    this.#paceAt = now;
  }

  /** After a snapshot: what was out is not known any more, and consent is asked for at once. */
  resume(now: number): void {
    const { selected, lost, pairs } = this.#session;
    if (selected && !lost) this.#consentAt = now;
    if (pairs.all.some(({ state }) => state === 'succeeded')) this.#validAt = now;
  }

  /** Where the peers see us that we did not know of (RFC 8445 §7.2.5.3.1). */
  get reflexive(): readonly MappedAddress[] {
    return this.#reflexive;
  }

  /** The peer checks this pair: so do we, in front of all others (RFC 8445 §7.3.1.4). */
  trigger(pair: Pair, now: number): void {
    if (pair.state === 'succeeded' || this.#triggered.includes(pair)) return;
    const check = this.#outstanding.get(pair);
    // One that may be answered any moment is left alone; those that were lost met a NAT that is open now.
    if (check && check.again.tries === 1) return;
    this.#end(pair);
    pair.state = 'waiting';
    this.#triggered.push(pair);
    if (this.#paceAt <= now) this.tick(now);
  }

  /** Media goes there from now on. @param other than before */
  selected(other: boolean, now: number): void {
    const { selected } = this.#session;
    if (!selected) return;
    if (selected.nominated) this.#conclude(selected);
    if (!other) return;
    this.#consent = undefined;
    this.#unanswered = 0;
    this.#plan(now);
  }

  /** RFC 8445 §8.1.2: what ranks below is not asked for any more. */
  #conclude(selected: Pair): void {
    this.#triggered = this.#triggered.filter((pair) => pair.priority > selected.priority);
    for (const pair of [...this.#outstanding.keys()]) {
      if (pair === selected || pair.priority > selected.priority) continue;
      this.#end(pair);
      pair.state = 'waiting';
    }
    this.#nominating = undefined;
  }

  #plan(now: number): void {
    this.#consentAt = now + consentLeastMs + (this.#session.ports.random.uint32() % consentSpreadMs);
  }

  tick(now: number): void {
    // The password of the peer comes with its answer.
    if (!this.#session.keys.peer) return;
    for (const check of [...this.#outstanding.values()]) this.#resend(check, now);
    if (this.#consentAt <= now) this.#askConsent(now);
    this.#decide(now);
    if (this.#paceAt > now) return;
    const pair = this.#next();
    if (!pair) return;
    this.#paceAt = now + paceMs;
    this.#start(pair, now);
  }

  get due(): number {
    if (!this.#session.keys.peer) return later;
    let due = Math.min(this.#consentAt, this.#decisionAt);
    for (const { again } of this.#outstanding.values()) due = Math.min(due, again.at);
    return this.#peek() ? Math.min(due, this.#paceAt) : due;
  }

  #next(): Pair | undefined {
    const pair = this.#peek();
    if (pair && pair === this.#triggered[0]) this.#triggered.shift();
    return pair;
  }

  /** Triggered ones, then the others by rank, until a pair is nominated. */
  #peek(): Pair | undefined {
    const [first] = this.#triggered;
    if (first || this.#concluded) return first;
    let best: Pair | undefined;
    for (const pair of this.#session.pairs.all)
      if (pair.state === 'waiting' && (!best || pair.priority > best.priority)) best = pair;
    return best;
  }

  get #concluded(): boolean {
    return this.#session.selected?.nominated ?? false;
  }

  #start(pair: Pair, now: number): void {
    const nominates = pair === this.#nominating;
    const { role } = this.#session;
    const transaction = this.#transaction();
    const message = this.#message(transaction, nominates);
    if (!message) return;
    const again = new Retransmission(now, this.#rto, nominates ? nominationRequests : undefined);
    this.#outstanding.set(pair, { pair, transaction, message, role, nominates, sentAt: now, again });
    if (!nominates) pair.state = 'in-progress';
    this.#send(message, pair);
  }

  #transaction(): Uint8Array {
    return this.#session.ports.random.bytes(transactionBytes);
  }

  #message(transaction: Uint8Array, nominates: boolean): StunWriter | undefined {
    const { keys, role, tieBreaker } = this.#session;
    return checkOf(transaction, keys, { role, tieBreaker, priority: this.#priority, nominates });
  }

  #send(message: StunWriter, { peer }: Pair): void {
    const { counts, send } = this.#session.ports;
    counts.checksSent++;
    send(message, peer);
  }

  /** RFC 8445 §14.3: so long that all that wait and all that are out do not exceed the pace. */
  get #rto(): number {
    let busy = 0;
    for (const { state } of this.#session.pairs.all) if (state === 'waiting' || state === 'in-progress') busy++;
    return Math.max(shortestRtoMs, paceMs * busy);
  }

  #resend({ pair, message, again }: Check, now: number): void {
    if (again.at > now) return;
    if (again.next(now)) this.#send(message, pair);
    else this.#fail(pair);
  }

  #fail(pair: Pair): void {
    this.#end(pair);
    pair.state = 'failed';
    if (this.#nominating === pair) this.#nominating = undefined;
  }

  #end(pair: Pair): void {
    this.#outstanding.delete(pair);
  }

  /** @returns whether it answers a check of ours */
  response(response: StunReader, from: UdpPeer, now: number): boolean {
    const { remote } = this.#session.keys;
    if (!remote) return false;
    const consent = this.#consent;
    const ofConsent = consent !== undefined && response.isOf(consent.transaction);
    const check = ofConsent ? undefined : this.#checkOf(response);
    const pair = ofConsent ? consent.pair : check?.pair;
    if (!pair) return false;
    const success = response.class === stunClass.success;
    // RFC 8489 §9.1.4: what is not signed as it has to be is as if it had not come. Errors of one that does not know us are not.
    if ((success || response.hasIntegrity) && !response.integrityRight(remote)) return false;
    this.#session.ports.counts.answersReceived++;
    const symmetric = pair.peer.port === from.port && pair.peer.address === from.address;
    if (ofConsent) {
      if (success && symmetric) this.#consented(consent, now);
    } else if (check && !success) this.#refused(check, response.errorCode, now);
    // RFC 8445 §7.2.5.2.1: an answer from elsewhere shows that the way back is another one.
    else if (check && !symmetric) this.#fail(pair);
    else if (check) this.#succeeded(check, response, now);
    return true;
  }

  #checkOf(response: StunReader): Check | undefined {
    for (const check of this.#outstanding.values()) if (response.isOf(check.transaction)) return check;
    return undefined;
  }

  #refused(check: Check, code: number | undefined, now: number): void {
    const session = this.#session;
    // A peer whose answer to the offer is on its way, or that is busy, may know better when it is asked again.
    if (code === undefined || code === 401 || code >= 500) return;
    this.#fail(check.pair);
    if (code !== 487) return;
    // RFC 8445 §7.2.5.1. An answer to what we sent in the role of before says nothing of this one.
    if (session.role === check.role) session.switchRole();
    this.trigger(check.pair, now);
  }

  #succeeded({ pair, again, sentAt, nominates }: Check, response: StunReader, now: number): void {
    const session = this.#session;
    this.#end(pair);
    pair.state = 'succeeded';
    pair.answeredAt = now;
    if (again.tries === 1) session.ports.counts.rttMs = now - sentAt;
    this.#learn(response);
    if (this.#validAt === later) this.#validAt = now;
    if (nominates && session.role === 'controlling') {
      this.#nominating = undefined;
      pair.nominated = true;
      session.select(pair, now);
    } else if (pair.nominated && session.role === 'controlled') session.nominate(pair, now);
    const { selected, lost } = session;
    if (pair === selected) {
      session.consented(now);
      if (this.#consentAt === later) this.#plan(now);
    }
    // RFC 8445 §12.1: until one is nominated, any that is valid will do.
    else if (!selected || lost || (!selected.nominated && pair.priority > selected.priority)) session.select(pair, now);
    // Perhaps the peer is somewhere else now: whether it is still where it was shows at once.
    else if (this.#consentAt !== later && !this.#consent) this.#consentAt = now;
    this.#decide(now);
  }

  #learn(response: StunReader): void {
    const mapped = response.mapped;
    if (!mapped || this.#reflexive.length >= mostReflexive) return;
    const isIt = ({ address, port }: MappedAddress): boolean => address === mapped.address && port === mapped.port;
    if (!this.#session.ports.local.some(isIt) && !this.#reflexive.some(isIt)) this.#reflexive.push(mapped);
  }

  // ── Nomination ───────────────────────────────────────────────────────────────────────────────

  /** ms when `#decide` has something to decide. */
  get #decisionAt(): number {
    if (this.#concluded) return this.#suspect() ? this.#suspectAt : later;
    if (this.#session.role !== 'controlling' || this.#nominating) return later;
    return this.#best() ? this.#validAt + betterMs : later;
  }

  /** RFC 8445 §8.1.1, regular nomination: one pair, when it is known which. */
  #decide(now: number): void {
    const concluded = this.#concluded;
    const pair = concluded ? this.#instead(now) : this.#choice(now);
    if (!pair) return;
    // Beyond the RFC, which has a restart for it: a NAT may give the peer another address in mid-call.
    if (concluded) this.#session.move(pair, now);
    if (this.#session.role !== 'controlling' || this.#nominating) return;
    this.#nominating = pair;
    this.#triggered = [pair, ...this.#triggered.filter((other) => other !== pair)];
  }

  #choice(now: number): Pair | undefined {
    const best = this.#best();
    if (!best || now >= this.#validAt + betterMs) return best;
    const better = this.#session.pairs.all.some(
      ({ state, priority }) => (state === 'waiting' || state === 'in-progress') && priority > best.priority,
    );
    return better ? undefined : best;
  }

  #best(): Pair | undefined {
    let best: Pair | undefined;
    for (const pair of this.#session.pairs.all)
      if (pair.state === 'succeeded' && (!best || pair.priority > best.priority)) best = pair;
    return best;
  }

  /** One that answers where the selected one does not. */
  #instead(now: number): Pair | undefined {
    const pair = this.#suspectAt <= now ? this.#suspect() : undefined;
    if (!pair || this.#unanswered >= suspiciousChecks) return pair;
    this.#askConsent(now);
    return undefined;
  }

  get #suspectAt(): number {
    return this.#consent ? this.#consent.sentAt + suspiciousMs : later;
  }

  #suspect(): Pair | undefined {
    const { selected, pairs } = this.#session;
    if (!selected || !this.#consent) return undefined;
    let latest: Pair | undefined;
    for (const pair of pairs.all)
      if (pair !== selected && pair.state === 'succeeded' && pair.answeredAt > (latest ?? selected).answeredAt)
        latest = pair;
    return latest;
  }

  // ── Consent ──────────────────────────────────────────────────────────────────────────────────

  #askConsent(now: number): void {
    const { selected, lost } = this.#session;
    // RFC 7675 §5.1: whoever withdrew its consent is not asked for it again; it may come back by checks of its own.
    if (!selected || lost) {
      this.#consentAt = later;
      return;
    }
    this.#plan(now);
    const transaction = this.#transaction();
    const message = this.#message(transaction, false);
    if (!message) return;
    // Not repeated: the next one is (RFC 7675 §5.1).
    this.#consent = { pair: selected, transaction, sentAt: now };
    this.#unanswered++;
    this.#send(message, selected);
  }

  #consented({ pair, sentAt }: ConsentCheck, now: number): void {
    this.#consent = undefined;
    this.#unanswered = 0;
    pair.answeredAt = now;
    this.#session.ports.counts.rttMs = now - sentAt;
    if (pair === this.#session.selected) this.#session.consented(now);
  }
}
