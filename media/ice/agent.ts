/**
 * The ICE agent of one leg (RFC 8445): whose STUN is answered, where media goes, and whether the peer still wants it. Pure:
 * datagrams, time and randomness come in, datagrams and events go out, and the leg calls `tick` when `due` says so.
 *
 * One socket, one component: RTCP goes by the socket of RTP (RFC 5761). Candidates of our own are on the host or seen by a
 * STUN server (`gather.ts`); there is no TURN client, since a server that peers cannot reach has no use for one.
 */
import type { Random } from '../../src/base/random.ts';
import type { UdpPeer } from '../net/udp-port.ts';
import { stunClass } from '../stun/constants.ts';
import { StunReader } from '../stun/reader.ts';
import type { StunWriter } from '../stun/writer.ts';
import { Gate, noneRefused } from './gate.ts';
import { errorTo } from './messages.ts';
import { type IceCounts, IceSession, patienceMs, type SessionPorts } from './session.ts';
import type { IceSnapshot } from './snapshot.ts';
import type { IceCandidate, IceParameters, IceState, IceStats } from './types.ts';

export interface IcePorts {
  readonly random: Random;
  /** Ours, the best first: all of them lead to the leg's socket. */
  readonly local: readonly IceCandidate[];
  /** The bytes are the receiver's. Must not throw. */
  send(bytes: Uint8Array, length: number, to: UdpPeer): void;
  /** Media goes somewhere else now, or again. */
  onSelected(): void;
  /** Nothing may be sent any more. */
  onConsentLost(): void;
  onState?(): void;
}

export class IceAgent {
  readonly #ports: IcePorts;
  readonly #sessionPorts: SessionPorts;
  readonly #reader = new StunReader();
  readonly #counts: IceCounts;
  readonly #gate: Gate;
  /** Of now, and behind it that of before a restart, until a pair of the new one is selected (RFC 8445 §2.4). */
  #sessions: readonly IceSession[] = [];
  /** The session that media goes by, or will. */
  #live: IceSession | undefined;
  #state: IceState = 'new';
  #selected: UdpPeer | undefined;

  /**
   * @param snapshot to go on from
   * @param takenAt when that was taken, in ms on this engine's clock
   */
  constructor(ports: IcePorts, snapshot?: IceSnapshot, takenAt = 0) {
    this.#ports = ports;
    this.#counts = snapshot
      ? structuredClone(snapshot.counts)
      : {
          checksReceived: 0,
          checksAnswered: 0,
          checksSent: 0,
          answersReceived: 0,
          restarts: 0,
          rttMs: undefined,
          refused: noneRefused(),
        };
    this.#gate = new Gate(this.#counts.refused, takenAt);
    this.#sessionPorts = {
      random: ports.random,
      local: ports.local,
      counts: this.#counts,
      send: (message: StunWriter, to) => ports.send(message.bytes, message.length, to),
    };
    if (!snapshot) return;
    this.#sessions = snapshot.sessions.map((saved) => IceSession.restore(this.#sessionPorts, saved, takenAt));
    this.#look(takenAt);
  }

  /**
   * What an offer and its answer settled: first, and whenever that changes. Other credentials are a restart: what is
   * selected stays in use until the new session has a pair.
   * @param now ms on the engine's clock
   */
  configure(parameters: IceParameters, now: number): void {
    const before = this.#current;
    if (before?.continues(parameters)) before.configure(parameters, now);
    else {
      const { random } = this.#ports;
      const tieBreaker = { high: random.uint32(), low: random.uint32() };
      if (before) this.#counts.restarts++;
      // A second restart may come before the first is through: what media goes by is older still then.
      const kept = this.#live;
      const session = new IceSession(this.#sessionPorts, parameters, tieBreaker, now);
      this.#sessions = kept?.selected ? [session, kept] : [session];
    }
    this.#settle(now);
  }

  /** A candidate that came later (RFC 8838). */
  addRemote(candidate: IceCandidate, now: number): void {
    this.#current?.add(candidate);
    this.#settle(now);
  }

  /**
   * A datagram whose first byte is 0 to 3 (RFC 7983 §7). Never throws; its bytes may be rewritten and are as before afterwards.
   * @param now ms on the engine's clock
   */
  datagram(buffer: Uint8Array, offset: number, length: number, from: UdpPeer, now: number): void {
    const message = this.#reader;
    if (!message.read(buffer, offset, length)) {
      this.#counts.refused.malformed++;
      return;
    }
    switch (message.class) {
      case stunClass.request:
        this.#request(message, from, now);
        break;
      case stunClass.indication:
        // RFC 8445 §11: it keeps a NAT open and means nothing else.
        return;
      case stunClass.success:
      case stunClass.error:
        this.#response(message, from, now);
    }
    this.#settle(now);
  }

  #request(request: StunReader, from: UdpPeer, now: number): void {
    const known = this.#sessions.some((session) => session.isValid(from));
    const verdict = this.#gate.check(request, this.#sessions, known, now);
    if (verdict === undefined) return;
    if (typeof verdict === 'number') this.#sessionPorts.send(errorTo(request, verdict), from);
    else verdict.request(request, from, now);
  }

  #response(response: StunReader, from: UdpPeer, now: number): void {
    const sound = !response.hasFingerprint || response.fingerprintRight;
    if (!sound || !this.#sessions.some((session) => session.response(response, from, now)))
      this.#counts.refused.strayAnswer++;
  }

  get #current(): IceSession | undefined {
    return this.#sessions[0];
  }

  /** Authenticated media came (SRTP whose tag was right). Cheap: to be called for every packet. */
  heard(from: UdpPeer, now: number): void {
    const live = this.#live;
    const peer = live?.selected?.peer;
    if (live && peer && (peer === from || (peer.port === from.port && peer.address === from.address))) {
      live.heard(now);
      if (this.#state === 'disconnected') this.#settle(now);
    } else if (this.#current?.heardFrom(from, now)) this.#settle(now);
  }

  /** Does what is due. @returns ms on the engine's clock when it wants to be called next; undefined for not at all */
  tick(now: number): number | undefined {
    for (const session of this.#sessions) session.tick(now);
    this.#settle(now);
    return this.due;
  }

  /** When `tick` is next to be called: may be sooner after each call of anything else. */
  get due(): number | undefined {
    let due = Number.POSITIVE_INFINITY;
    for (const session of this.#sessions) due = Math.min(due, session.due);
    if (this.#state === 'checking' && this.#current) due = Math.min(due, this.#current.startedAt + patienceMs);
    return Number.isFinite(due) ? due : undefined;
  }

  /** Where media goes; undefined while nothing may be sent. The same object for as long as it is the same pair. */
  get selected(): UdpPeer | undefined {
    return this.#selected;
  }

  get state(): IceState {
    return this.#state;
  }

  /** Whether somebody who has our password was heard from there: DTLS of others is not worth a look. */
  isValid(from: UdpPeer): boolean {
    return this.#sessions.some((session) => session.isValid(from));
  }

  #stateAt(now: number): IceState {
    const live = this.#live;
    if (!live || !this.#current) return 'new';
    if (live.selected) return live.lost ? 'disconnected' : 'connected';
    return now - this.#current.startedAt >= patienceMs ? 'failed' : 'checking';
  }

  /** What the sessions come to. */
  #look(now: number): void {
    // RFC 8445 §9: the pair of before a restart has served its time.
    if (this.#sessions.length > 1 && this.#current?.selected) this.#sessions = [this.#current];
    this.#live = this.#sessions.find(({ selected }) => selected) ?? this.#current;
    const before = this.#selected;
    const peer = this.#live?.lost ? undefined : this.#live?.selected?.peer;
    // A restart that found the peer where it was changes nothing for media.
    const same = peer && before && peer.port === before.port && peer.address === before.address;
    this.#selected = same ? before : peer;
    this.#state = this.#stateAt(now);
  }

  /** Compares what is with what was told, and tells the difference. */
  #settle(now: number): void {
    const before = { state: this.#state, selected: this.#selected };
    this.#look(now);
    if (this.#selected && this.#selected !== before.selected) this.#ports.onSelected();
    if (this.#state === 'disconnected' && before.state !== 'disconnected') this.#ports.onConsentLost();
    if (this.#state !== before.state) this.#ports.onState?.();
  }

  /** @param now ms on the engine's clock */
  stats(now: number): IceStats {
    const { checksReceived, checksAnswered, checksSent, answersReceived, restarts, rttMs, refused } = this.#counts;
    const live = this.#live;
    const pair = this.#selected && live?.selected;
    return {
      state: this.#state,
      role: this.#current?.role,
      lite: this.#current?.parameters.localLite ?? false,
      selected: pair && { ...pair.peer, type: pair.type, nominated: pair.nominated },
      checksReceived,
      checksAnswered,
      refused: { ...refused },
      checksSent,
      answersReceived,
      consentAgeMs: live?.consentAge(now),
      restarts,
      rttMs,
      pairs: this.#current?.pairs.all.length ?? 0,
      reflexive: this.#current?.reflexive ?? [],
    };
  }

  /** @param now ms on the engine's clock, from which its times count */
  snapshot(now: number): IceSnapshot {
    return {
      sessions: this.#sessions.map((session) => session.snapshot(now)),
      counts: structuredClone(this.#counts),
    };
  }
}
