/**
 * Symmetric RTP as a pure rule: whose packets are taken, and where ours go.
 *
 *  - `off`:    we send to SDP's address and take packets from anywhere.
 *  - `strict`: we send to SDP's address and take packets from nowhere else.
 *  - `latch`:  until latched we send to SDP's address and take valid packets from anywhere; two in a row
 *    of one source latch it, whenever they come; for 1 s SDP's own address may still win; then it is
 *    fixed, until a new offer/answer, or until the source was silent for a while and a newcomer has the
 *    same SSRC or is at SDP's address.
 *
 * Where ICE finds the way to the peer, it alone decides.
 *
 * RTP and RTCP have a latch each. State is plain data: part of a leg's snapshot.
 */
import type { SymmetricRtp } from '../snapshot.ts';
import type { Ssrc } from './sequence.ts';

/** How long SDP's own address may still win. */
const contestMs = 1000;

export interface Source {
  readonly address: string;
  readonly port: number;
}

interface Candidate {
  readonly from: Source;
  readonly ssrc: Ssrc;
  readonly sequence: number;
}

export interface LatchState {
  readonly mode: SymmetricRtp;
  /** A latched source silent for so long (ms) may be replaced. */
  readonly silenceMs: number;
  /** From SDP. */
  sdp: Source | undefined;
  /** The latched source, or the one of before a new offer/answer that named the same address. */
  source: Source | undefined;
  /** False while any source may latch. */
  latched: boolean;
  ssrc: Ssrc;
  /** ms, on the clock of whoever calls. */
  latchedAt: number;
  heardAt: number;
  candidate: Candidate | undefined;
  sdpCandidate: Candidate | undefined;
  /** ICE says where packets go (`steer`); whose they are, the caller checks. */
  ice: boolean;
}

export function createLatch(mode: SymmetricRtp, silenceMs: number): LatchState {
  return {
    mode,
    silenceMs,
    sdp: undefined,
    source: undefined,
    latched: false,
    ssrc: 0,
    latchedAt: 0,
    heardAt: 0,
    candidate: undefined,
    sdpCandidate: undefined,
    ice: false,
  };
}

/** Where our packets go; undefined while nobody said. */
export function destination(state: LatchState): Source | undefined {
  return state.source ?? (state.ice ? undefined : state.sdp);
}

/** ICE found another way to the peer, or lost it. */
export function steer(state: LatchState, to: Source | undefined): void {
  state.source = to;
  state.latched = to !== undefined;
}

export function isSame(one: Source | undefined, other: Source): boolean {
  return one === other || (one !== undefined && one.port === other.port && one.address === other.address);
}

/** A new offer/answer: the latch is open again. Unless the address changed we go on sending where we sent. */
export function renegotiate(state: LatchState, sdp: Source | undefined): void {
  // RFC 3264 §6: port 0 takes no stream.
  const to = sdp?.port === 0 ? undefined : sdp;
  const same = to ? isSame(state.sdp, to) : state.sdp === undefined;
  state.sdp = to;
  if (state.ice) return;
  state.latched = false;
  state.candidate = undefined;
  state.sdpCandidate = undefined;
  if (!same) state.source = undefined;
}

/**
 * A valid packet came: version, payload type and, with SRTP, authentication are checked by the caller.
 * @param sequence tells a second packet from a copy of the first
 * @returns whether it is to be taken
 */
export function accept(state: LatchState, now: number, from: Source, ssrc: Ssrc, sequence: number): boolean {
  const { source } = state;
  if (state.latched && isSame(source, from)) {
    // The object of whoever goes on sending, so that the next look is a short one.
    state.source = from;
    state.heardAt = now;
    state.ssrc = ssrc;
    return true;
  }
  if (state.mode === 'off' || state.ice) return true;
  const fromSdp = isSame(state.sdp, from);
  if (state.mode === 'strict') return fromSdp;
  if (state.latched) {
    const contested = fromSdp && now - state.latchedAt <= contestMs;
    const silent = now - state.heardAt >= state.silenceMs && (fromSdp || ssrc === state.ssrc);
    if (!contested && !silent) return false;
  }
  const before = fromSdp ? state.sdpCandidate : state.candidate;
  if (before && isSame(before.from, from) && from.port !== 0 && before.ssrc === ssrc && before.sequence !== sequence) {
    latch(state, now, from, ssrc);
    return true;
  }
  const candidate = { from, ssrc, sequence };
  if (fromSdp) state.sdpCandidate = candidate;
  else state.candidate = candidate;
  // Until somebody is latched, everybody is heard: the first packet of a call is audio too.
  return !state.latched;
}

function latch(state: LatchState, now: number, source: Source, ssrc: Ssrc): void {
  state.source = source;
  state.latched = true;
  state.ssrc = ssrc;
  state.latchedAt = now;
  state.heardAt = now;
  state.candidate = undefined;
  state.sdpCandidate = undefined;
}
