import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { correlate, decodeUlaw, readWav } from '../helpers/audio.ts';
import { type RunningServer, root, runTandem, startServer } from '../helpers/cli.ts';
import { heardInPieces } from '../helpers/pieces.ts';
import { RawPhone, type RtpPacket } from '../helpers/raw-phone.ts';

let server: RunningServer;

beforeAll(async () => {
  server = await startServer(['ivr']);
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

async function dial(user: string): Promise<RawPhone> {
  const phone = await RawPhone.open();
  expect((await phone.call(server.port, { user })).status).toBe(200);
  return phone;
}

function prompt(name: string): Int16Array {
  return readWav(readFileSync(join(root, 'prompts', `${name}.wav`))).samples;
}

/** Whether the phone hears the first `ms` of a prompt from now on. */
async function hears(phone: RawPhone, name: string, ms = 1000): Promise<number> {
  const samples = prompt(name).subarray(0, ms * 8);
  const from = Math.max(0, phone.packets.length - 10);
  // Other prompts may come before it: look again with every 200 ms that are heard.
  for (let heard = ms / 20 + 10; ; heard += 10) {
    await phone.hears(from + heard);
    const audio = decodeUlaw(payloads(phone.packets.slice(from)));
    const { correlation } = correlate(audio, samples, audio.length - samples.length);
    if (correlation > 0.95 || heard > 800) return correlation;
  }
}

/** Speaks until it is echoed, and all of that is back. */
async function hearsItself(phone: RawPhone): Promise<void> {
  await hearsOther(phone, phone);
  const last = Buffer.alloc(160, 0x2b);
  phone.sendRtp(last);
  await expect.poll(() => phone.packets.some(({ payload }) => payload.equals(last)), { timeout: 10_000 }).toBe(true);
}

/** One speaks until the other hears it. */
async function hearsOther(speaker: RawPhone, listener: RawPhone): Promise<void> {
  const marker = Buffer.alloc(160, 0x2a);
  const heard = (): boolean => listener.packets.some(({ payload }) => payload.equals(marker));
  const speak = (): boolean => {
    speaker.sendRtp(marker);
    return heard();
  };
  await expect.poll(speak, { timeout: 10_000, interval: 20 }).toBe(true);
}

function payloads(packets: readonly RtpPacket[]): Buffer {
  return Buffer.concat(packets.filter(({ payloadType }) => payloadType === 0).map(({ payload }) => payload));
}

/** 20 ms of µ-law that no other packet is like. */
function distinct(count: number): Uint8Array[] {
  return Array.from({ length: count }, (_, index) =>
    Uint8Array.from({ length: 160 }, (_, i) => (index * 7 + i * 3) & 0xff),
  );
}

describe('the ready-made server', () => {
  it.each([
    ['404 for a number that is nobody', '99', 404],
    ['404 for a name', 'toString', 404],
    ['404 for a user where there are none', '5001', 404],
  ])('has %s', async (_, user, status) => {
    using phone = await RawPhone.open();
    expect((await phone.call(server.port, { user })).status).toBe(status);
  });

  it('600 echoes every payload byte for byte', async () => {
    using phone = await dial('600');
    await hearsItself(phone);
    const before = phone.packets.length;
    const spoken = distinct(30);
    await phone.speak(spoken);
    await phone.hears(before + 30, 0);
    expect(phone.packets.slice(-30).map(({ payload }) => payload.toString('hex'))).toEqual(
      spoken.map((payload) => Buffer.from(payload).toString('hex')),
    );
    await phone.bye();
  });

  it('601 plays a file, 1003 music, to several callers at once', async () => {
    const callers = await Promise.all(['601', '1003', '1003', '1003'].map(dial));
    try {
      const heard = await Promise.all(callers.map((phone, i) => hears(phone, i === 0 ? 'message' : 'music')));
      for (const correlation of heard) expect(correlation).toBeGreaterThan(0.95);
      await Promise.all(callers.map((phone) => phone.bye()));
    } finally {
      for (const phone of callers) phone.close();
    }
  });

  it('602 records until # and plays the caller back', async () => {
    using phone = await dial('602');
    expect(await hears(phone, 'beep', 200)).toBeGreaterThan(0.95);
    const spoken = Uint8Array.from(prompt('message').subarray(0, 16_000), encodeUlaw);
    await phone.speak(Array.from({ length: 100 }, (_, i) => spoken.subarray(i * 160, (i + 1) * 160)));
    const before = phone.packets.length;
    await phone.press('#');
    await phone.nextRequest('BYE', 15_000);
    const heard = decodeUlaw(payloads(phone.packets.slice(before)));
    const said = decodeUlaw(spoken).subarray(1600, 14_400);
    expect(heardInPieces(heard, said)).toBeGreaterThan(0.95);
  });

  it('603…699 are conference rooms: music for who is alone, the others for everybody else, # leaves', async () => {
    const phones = await Promise.all([dial('603'), dial('603'), dial('699')]);
    const [alice, bob, carol] = phones as [RawPhone, RawPhone, RawPhone];
    try {
      expect(await hears(carol, 'conference')).toBeGreaterThan(0.95);
      expect(await hears(carol, 'music')).toBeGreaterThan(0.95);
      await hearsOther(alice, bob);
      await hearsOther(bob, alice);
      for (const phone of phones) await phone.press('#');
      for (const phone of phones) await phone.nextRequest('BYE', 15_000);
    } finally {
      for (const phone of phones) phone.close();
    }
  });
});

// Prompts are played in real time: on a busy machine that takes its while.
describe('the menu', { timeout: 60_000 }, () => {
  it('1000 says welcome; 1 plays the message; # hangs up', async () => {
    using phone = await dial('1000');
    expect(await hears(phone, 'welcome')).toBeGreaterThan(0.95);
    await phone.press('1');
    expect(await hears(phone, 'message')).toBeGreaterThan(0.95);
    await phone.press('#');
    expect(await hears(phone, 'goodbye', 500)).toBeGreaterThan(0.95);
    await phone.nextRequest('BYE', 15_000);
  });

  it('3 is an echo until #, 4 the conference until #', async () => {
    using phone = await dial('1000');
    await phone.press('4');
    expect(await hears(phone, 'conference')).toBeGreaterThan(0.95);
    expect(await hears(phone, 'music', 500)).toBeGreaterThan(0.95);
    await phone.press('#');
    expect(await hears(phone, 'welcome', 500)).toBeGreaterThan(0.95);
    await phone.press('3');
    expect(await hears(phone, 'echo', 500)).toBeGreaterThan(0.95);
    await hearsItself(phone);
    await phone.press('#');
    expect(await hears(phone, 'welcome')).toBeGreaterThan(0.95);
    await phone.bye();
  });

  it('tells a wrong key', async () => {
    using phone = await dial('1000');
    await phone.press('9');
    expect(await hears(phone, 'wrong-input', 500)).toBeGreaterThan(0.95);
    await phone.bye();
  });
});

describe('after all these calls', () => {
  it('nothing is open any more', async () => {
    const open = async () => {
      const { stdout } = await runTandem(['check', '--json'], { cwd: server.folder });
      const { calls, sip, media } = JSON.parse(stdout);
      const { legs, conferences, playbacks, recordings, sockets } = media;
      return { calls, dialogs: sip.dialogs, legs, conferences, playbacks, recordings, sockets };
    };
    const nothing = { calls: 0, dialogs: 0, legs: 0, conferences: 0, playbacks: 0, recordings: 0, sockets: 0 };
    await expect.poll(open, { timeout: 10_000 }).toEqual(nothing);
  });
});

/** G.711 µ-law of a 16-bit sample, by search: no table shared with the code. */
function encodeUlaw(sample: number): number {
  let best = 0;
  for (let code = 1; code < 256; code++)
    if (Math.abs((ulaw[code] as number) - sample) < Math.abs((ulaw[best] as number) - sample)) best = code;
  return best;
}

const ulaw = decodeUlaw(Uint8Array.from({ length: 256 }, (_, code) => code));
