/** The ready-made server as its users start it, called by a phone that shares no code with it. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { heardInPieces } from '../helpers/pieces.ts';
import { RawPhone } from '../helpers/raw-phone.ts';
import { expectNoPrograms } from './support/process.ts';
import { audioOf, hearsPrompt, payloads, payloadsOf, prompt, sweep, ulawFrames } from './support/sound.ts';
import { TandemServer } from './support/tandem.ts';

let server: TandemServer;

beforeEach(async () => {
  server = await TandemServer.start(['ivr']);
});

afterEach(async () => {
  try {
    await server.expectIdle();
    expect(server.errors).toEqual([]);
    await server.stop();
  } finally {
    await server?.[Symbol.asyncDispose]();
  }
  await expectNoPrograms();
});

async function dial(user: string): Promise<RawPhone & Disposable> {
  const phone = await RawPhone.open();
  expect((await phone.call(server.port, { user })).status).toBe(200);
  return phone;
}

describe('tandem ivr', () => {
  it('1000 welcomes, and plays the message when 1 is pressed', async () => {
    using phone = await dial('1000');
    const welcome = await prompt('welcome');
    expect(await hearsPrompt(phone, 'welcome', welcome.length / 8 - 500)).toBeGreaterThan(0.95);
    const before = phone.packets.length;
    await phone.press('1');
    const message = await prompt('message');
    expect(await hearsPrompt(phone, 'message', message.length / 8 - 500, before)).toBeGreaterThan(0.95);
    expect((await phone.bye()).status).toBe(200);
  });

  it('1000 stops the prompt for a key, and says goodbye at #', async () => {
    using phone = await dial('1000');
    await phone.hears(10, 0);
    const before = phone.packets.length;
    await phone.press('#');
    expect(await hearsPrompt(phone, 'goodbye', 1000, before)).toBeGreaterThan(0.95);
    await phone.nextRequest('BYE');
  });

  it('602 plays the caller its own words', async () => {
    using phone = await dial('602');
    const prologue = (await prompt('record')).length / 160 + (await prompt('beep')).length / 160;
    await phone.hears(Math.floor(prologue), 0, 20_000);
    const said = sweep(1500);
    await phone.speak(ulawFrames(said));
    await phone.press('#');
    const before = phone.packets.length;
    await phone.nextRequest('BYE', 20_000);
    const heard = audioOf(phone.packets.slice(before));
    const words = said.subarray(8 * 200, 8 * 1300);
    expect(heardInPieces(heard, words)).toBeGreaterThan(0.95);
  });

  it('600 echoes every payload byte for byte', async () => {
    using phone = await dial('600');
    const said = payloads(150, 600);
    await phone.speak(said);
    await phone.hears(said.length, 0);
    expect(payloadsOf(phone.packets)).toEqual(Buffer.concat(said));
    await phone.bye();
  });

  it('601 plays the message from its beginning, and again', async () => {
    using phone = await dial('601');
    const message = await prompt('message');
    const packets = Math.ceil(message.length / 160);
    expect(await hearsPrompt(phone, 'message', 2000)).toBeGreaterThan(0.95);
    await phone.hears(packets + 75, 0, 30_000);
    expect(await hearsPrompt(phone, 'message', 1000, packets - 5)).toBeGreaterThan(0.95);
    await phone.bye();
  });

  it('1003 plays music to several callers at once', async () => {
    const phones = await Promise.all([dial('1003'), dial('1003'), dial('1003')]);
    try {
      for (const phone of phones) expect(await hearsPrompt(phone, 'music', 1000)).toBeGreaterThan(0.95);
      expect((await server.check()).calls).toBe(3);
      await Promise.all(phones.map((phone) => phone.bye()));
    } finally {
      for (const phone of phones) phone.close();
    }
  });

  it('a conference room has music for who is alone, and the others for the others', async () => {
    const phones = await Promise.all([dial('603'), dial('603')]);
    const [alice, bob] = phones as [RawPhone, RawPhone];
    try {
      for (const phone of phones) expect(await hearsPrompt(phone, 'conference', 1000)).toBeGreaterThan(0.95);
      const said = sweep(2000);
      // Behind the prompt, which lasts 4 s.
      await bob.hears(250, 0, 20_000);
      const before = bob.packets.length;
      await alice.speak(ulawFrames(said));
      await bob.hears(before + 130, 0, 20_000);
      const heard = audioOf(bob.packets.filter((p) => p.payloadType === 0).slice(before));
      const most = said.subarray(800, 14_400);
      expect(heardInPieces(heard, most)).toBeGreaterThan(0.95);
      await Promise.all(phones.map((phone) => phone.bye()));
    } finally {
      for (const phone of phones) phone.close();
    }
  });

  it('an unknown number is 404', async () => {
    using phone = await RawPhone.open();
    expect((await phone.call(server.port, { user: '4711' })).status).toBe(404);
  });
});
