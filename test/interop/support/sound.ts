/** Sounds to say, and how well they were heard. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { decodeUlaw, readWav } from '../../helpers/audio.ts';
import { heardInPieces } from '../../helpers/pieces.ts';
import type { RawPhone, RtpPacket } from '../../helpers/raw-phone.ts';
import { root } from './process.ts';

export async function prompt(name: string): Promise<Int16Array> {
  return readWav(await readFile(join(root, 'prompts', `${name}.wav`))).samples;
}

/** What a phone that speaks PCMU heard. */
export function audioOf(packets: readonly RtpPacket[]): Int16Array {
  return decodeUlaw(payloadsOf(packets));
}

export function payloadsOf(packets: readonly RtpPacket[], payloadType = 0): Buffer {
  return Buffer.concat(packets.filter((p) => p.payloadType === payloadType).map(({ payload }) => payload));
}

/**
 * Waits until `ms` of a prompt more were heard; how well they fit that prompt's beginning. A prompt
 * is to be half a second longer than that, since other sound may come before it.
 */
export async function hearsPrompt(phone: RawPhone, name: string, ms: number, from = 0): Promise<number> {
  const samples = (await prompt(name)).subarray(0, ms * 8);
  await phone.hears(from + ms / 20 + 25, 0, 20_000);
  const heard = audioOf(phone.packets.filter((p) => p.payloadType === 0).slice(from));
  return heardInPieces(heard, samples);
}

const leadIn = Buffer.alloc(160, 0xff);

/** Speaks silence until it is heard: a path that has just been made is open then. */
export async function openPath(speaker: RawPhone, listener: RawPhone): Promise<void> {
  const heard = (): boolean => listener.packets.some(({ payload }) => payload.equals(leadIn));
  for (let sent = 0; !heard(); sent++) {
    if (sent === 250) throw new Error('nothing is heard');
    await speaker.speak([leadIn]);
    await delay(20);
  }
}

/** What was heard apart from the silence of `openPath`. */
export function wordsOf(packets: readonly RtpPacket[]): Buffer {
  return payloadsOf(packets.filter(({ payload }) => !payload.equals(leadIn)));
}

/** Payloads of 20 ms of which no two are alike. */
export function payloads(count: number, seed: number): Uint8Array[] {
  return Array.from({ length: count }, (_, frame) => {
    const payload = Buffer.alloc(160);
    payload.writeUInt32BE(seed, 0);
    payload.writeUInt32BE(frame, 4);
    for (let i = 8; i < 160; i++) payload[i] = (i * 37 + frame * 11 + seed) & 0xff;
    return payload;
  });
}

/** A sweep that no prompt has: telephone loudness, 8 kHz, as 16-bit samples. */
export function sweep(ms: number): Int16Array {
  return Int16Array.from({ length: ms * 8 }, (_, i) =>
    Math.round(6000 * Math.sin(2 * Math.PI * (300 * (i / 8000) + 200 * (i / 8000) ** 2))),
  );
}

/** G.711 µ-law payloads of 20 ms. */
export function ulawFrames(samples: Int16Array): Uint8Array[] {
  return Array.from({ length: Math.floor(samples.length / 160) }, (_, frame) =>
    Uint8Array.from(samples.subarray(frame * 160, (frame + 1) * 160), encodeUlaw),
  );
}

function encodeUlaw(sample: number): number {
  const sign = sample < 0 ? 0x80 : 0;
  const magnitude = Math.min(Math.abs(sample), 32635) + 132;
  const exponent = Math.max(0, 31 - Math.clz32(magnitude) - 7);
  return ~(sign | (exponent << 4) | ((magnitude >> (exponent + 3)) & 0x0f)) & 0xff;
}

/** A canonical WAV file, 8 kHz mono. */
export function wavOf(samples: Int16Array): Buffer {
  const header = Buffer.alloc(44);
  header.write('RIFF', 0);
  header.writeUInt32LE(36 + samples.byteLength, 4);
  header.write('WAVEfmt ', 8);
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(1, 22);
  header.writeUInt32LE(8000, 24);
  header.writeUInt32LE(16_000, 28);
  header.writeUInt16LE(2, 32);
  header.writeUInt16LE(16, 34);
  header.write('data', 36);
  header.writeUInt32LE(samples.byteLength, 40);
  return Buffer.concat([header, Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength)]);
}
