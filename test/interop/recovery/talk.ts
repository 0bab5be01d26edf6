/** Two phones that talk through a server, and what the wire must have looked like when it was killed meanwhile. */
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'vitest';
import type { RawPhone, RtpPacket } from '../../helpers/raw-phone.ts';
import { nearest } from '../../helpers/raw-srtp.ts';

/** How often a test kills the server. */
export const kills = process.env.TANDEM_TEST_LONG === '1' ? 10 : 2;

/** What a word says beside its number: audio that is made up of two words has none that fits. */
export function proofOf(count: number): number {
  return Math.imul(count + 1, 2_654_435_761) >>> 0;
}

/** Speaks all the time: every packet says whose it is, and which one. */
export class Talker {
  readonly phone: RawPhone;
  readonly #voice: number;
  #on = true;
  readonly #done: Promise<void>;

  /** @param voice a byte that nobody else speaks with */
  constructor(phone: RawPhone, voice: number) {
    this.phone = phone;
    this.#voice = voice;
    this.#done = this.#talk();
  }

  async #talk(): Promise<void> {
    const start = performance.now();
    for (let count = 0; this.#on; count++) {
      const payload = Buffer.alloc(160, this.#voice);
      payload.writeUInt32BE(count, 4);
      payload.writeUInt32BE(proofOf(count), 16);
      this.phone.sendRtp(payload);
      const wait = start + (count + 1) * 20 - performance.now();
      if (wait > 0) await delay(wait);
    }
  }

  async stop(): Promise<void> {
    this.#on = false;
    await this.#done;
  }
}

/** Resolves when the phone has heard so many packets more. */
export async function hearsMore(phone: RawPhone, count: number): Promise<void> {
  const before = phone.packets.length;
  await expect.poll(() => phone.packets.length - before, { timeout: 20_000, interval: 20 }).toBeGreaterThan(count);
}

/** The longest time between two packets, ms. */
export function longestGap(packets: readonly RtpPacket[]): number {
  return Math.max(...packets.map(({ at }, index) => at - (packets[index - 1]?.at ?? at)));
}

/**
 * All that a phone heard is one stream of the other one's words: authentic, its own, none twice, sequence numbers and
 * timestamps going on.
 */
export function expectOneStream(phone: RawPhone, voice: number): void {
  const { packets } = phone;
  expect(phone.forged).toBe(0);
  expect(new Set(packets.map(({ ssrc }) => ssrc)).size).toBe(1);
  expect(packets.filter(({ payload }) => !isSilence(payload) && payload[0] !== voice)).toEqual([]);
  let highest = -1;
  const indices = packets.map(({ sequence, index }) => {
    highest = Math.max(highest, nearest(highest, sequence));
    return index ?? nearest(highest, sequence);
  });
  expect(new Set(indices).size).toBe(indices.length);
  const order = [...packets.keys()].sort((a, b) => (indices[a] ?? 0) - (indices[b] ?? 0));
  const backwards = order.filter((at, place) => {
    const [before, now] = [packets[order[place - 1] ?? at], packets[at]];
    return before && now && before !== now && ((now.timestamp - before.timestamp) | 0) <= 0;
  });
  expect(backwards).toEqual([]);
}

function isSilence(payload: Uint8Array): boolean {
  return payload.every((byte) => byte === 0xff || byte === 0x7f);
}

/** What was said without a hole: how many of the words were lost on the way. */
export function wordsLost(packets: readonly RtpPacket[]): number {
  const counts = packets.flatMap(({ payload }) => (isSilence(payload) ? [] : payload.readUInt32BE(4)));
  return Math.max(...counts) - Math.min(...counts) + 1 - new Set(counts).size;
}

/** Requests that the phone got. */
export function requestsOf(phone: RawPhone): readonly string[] {
  return phone.received.flatMap(({ method }) => (method === '' ? [] : [method]));
}
