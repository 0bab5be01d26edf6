import { describe, expect, it } from 'vitest';
import { accept, createLatch, destination, type LatchState, renegotiate } from '../../media/rtp/latch.ts';

const sdp = { address: '192.0.2.1', port: 4000 };
const nat = { address: '198.51.100.7', port: 31_000 };
const thief = { address: '203.0.113.9', port: 9 };

function open(mode: 'latch' | 'strict' | 'off' = 'latch'): LatchState {
  const state = createLatch(mode, 2000);
  renegotiate(state, sdp);
  return state;
}

let sequence = 0;
const packet = (state: LatchState, now: number, from: typeof sdp, ssrc = 1): boolean =>
  accept(state, now, from, ssrc, ++sequence);

describe('symmetric RTP', () => {
  it('sends to SDP’s address until two packets of one source have come', () => {
    const state = open();
    expect(destination(state)).toEqual(sdp);
    expect(packet(state, 0, nat)).toBe(true);
    expect(destination(state)).toEqual(sdp);
    expect(packet(state, 20, nat)).toBe(true);
    expect(destination(state)).toEqual(nat);
  });

  it('takes a copy of the first packet for no second one, nor another SSRC', () => {
    const state = open();
    accept(state, 0, nat, 1, 5);
    accept(state, 1, nat, 1, 5);
    accept(state, 2, nat, 2, 6);
    expect(destination(state)).toEqual(sdp);
  });

  it('sends nothing to port 0, which nobody can answer from', () => {
    const state = open();
    const nowhere = { address: nat.address, port: 0 };
    expect(packet(state, 0, nowhere)).toBe(true);
    expect(packet(state, 20, nowhere)).toBe(true);
    expect(destination(state)).toEqual(sdp);
    renegotiate(state, { ...sdp, port: 0 });
    expect(destination(state)).toBeUndefined();
  });

  it('latches whenever the first packets come', () => {
    const state = open();
    packet(state, 3_600_000, nat);
    packet(state, 3_600_020, nat);
    expect(destination(state)).toEqual(nat);
  });

  it('lets SDP’s own address win within 1 s', () => {
    const state = open();
    packet(state, 0, thief);
    packet(state, 20, thief);
    expect(packet(state, 900, sdp)).toBe(false);
    packet(state, 910, thief);
    expect(packet(state, 920, sdp)).toBe(true);
    expect(destination(state)).toEqual(sdp);
    expect(packet(state, 930, thief)).toBe(false);
  });

  it('is fixed after that second, even for SDP’s address', () => {
    const state = open();
    for (let now = 0; now <= 1100; now += 20) packet(state, now, nat);
    for (let now = 1110; now < 1300; now += 20) {
      packet(state, now, nat);
      expect(packet(state, now, sdp)).toBe(false);
      expect(packet(state, now, thief)).toBe(false);
    }
    expect(destination(state)).toEqual(nat);
  });

  it('gives a source silent for 2 s up to a newcomer with its SSRC or SDP’s address only', () => {
    const state = open();
    packet(state, 0, nat, 7);
    packet(state, 20, nat, 7);
    const moved = { address: nat.address, port: 31_001 };
    packet(state, 2010, moved, 7);
    packet(state, 2015, moved, 7);
    expect(destination(state)).toEqual(nat);
    packet(state, 2100, thief, 8);
    packet(state, 2120, thief, 8);
    expect(destination(state)).toEqual(nat);
    packet(state, 2140, moved, 7);
    packet(state, 2160, moved, 7);
    expect(destination(state)).toEqual(moved);
    packet(state, 5000, sdp, 9);
    packet(state, 5020, sdp, 9);
    expect(destination(state)).toEqual(sdp);
  });

  it('opens again with a new offer/answer, and goes on sending where it did if SDP’s address stayed', () => {
    const state = open();
    packet(state, 0, nat);
    packet(state, 20, nat);
    renegotiate(state, sdp);
    expect(destination(state)).toEqual(nat);
    packet(state, 5000, thief);
    packet(state, 5020, thief);
    expect(destination(state)).toEqual(thief);
    renegotiate(state, { address: '192.0.2.2', port: 5000 });
    expect(destination(state)).toEqual({ address: '192.0.2.2', port: 5000 });
  });

  it('in strict mode takes nothing but SDP’s address', () => {
    const state = open('strict');
    expect(packet(state, 0, nat)).toBe(false);
    expect(packet(state, 20, nat)).toBe(false);
    expect(packet(state, 40, sdp)).toBe(true);
    expect(destination(state)).toEqual(sdp);
  });

  it('switched off takes all and sends to SDP’s address', () => {
    const state = open('off');
    expect(packet(state, 0, nat)).toBe(true);
    expect(packet(state, 20, nat)).toBe(true);
    expect(destination(state)).toEqual(sdp);
  });
});
