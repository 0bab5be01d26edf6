/** Each example is run, as `tandem serve` runs it, by a call. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { CallHandler, Tandem } from '../../src/tandem.ts';
import { channel, correlate, decodeUlaw, readWav } from '../helpers/audio.ts';
import { RawPhone, type RtpPacket } from '../helpers/raw-phone.ts';
import { expectIdle, openTandem, type TestTandem } from '../helpers/tandem.ts';

type Script = ((call: Parameters<CallHandler>[0], tandem: Tandem) => Promise<void>) & {
  readonly start?: (tandem: Tandem) => Promise<void>;
};

beforeEach(() => {
  vi.spyOn(console, 'log').mockImplementation(() => {});
});

afterEach(() => {
  vi.unstubAllEnvs();
  vi.resetModules();
  vi.restoreAllMocks();
});

async function serveExample(name: string): Promise<TestTandem> {
  const { default: script } = (await import(`../../examples/${name}.ts`)) as { default: Script };
  const server: TestTandem = await openTandem((call) => script(call, server.tandem));
  return server;
}

async function prompt(name: string): Promise<Int16Array> {
  return readWav(await readFile(new URL(`../../prompts/${name}.wav`, import.meta.url))).samples;
}

function audioOf(packets: readonly RtpPacket[]): Int16Array {
  return decodeUlaw(Buffer.concat(packets.filter((p) => p.payloadType === 0).map((p) => p.payload)));
}

/** Waits until the phone has heard the beginning of a prompt. */
async function hearsPrompt(phone: RawPhone, name: string, ms: number): Promise<void> {
  const samples = (await prompt(name)).subarray(0, ms * 8);
  let from = Math.max(0, phone.packets.length - 10);
  await expect
    .poll(
      () => {
        const heard = audioOf(phone.packets.slice(from));
        const last = heard.length - samples.length;
        if (last < 0) return 0;
        // What was searched once need not be searched again.
        from += Math.max(0, Math.floor(last / 160) - 10);
        return correlate(heard, samples, last).correlation;
      },
      { timeout: 15_000, interval: 200 },
    )
    .toBeGreaterThan(0.95);
}

describe('examples', () => {
  it('answer', async () => {
    await using server = await serveExample('answer');
    using phone = await RawPhone.open();
    expect((await phone.call(server.port)).status).toBe(200);
    expect(phone.received.map((m) => m.status)).toEqual([100, 180, 200]);
    await phone.bye();
    await expectIdle(server.tandem);
  });

  it('routing', async () => {
    await using server = await serveExample('routing');
    const status = async (user: string): Promise<number> => {
      using phone = await RawPhone.open();
      const { status } = await phone.call(server.port, { user });
      if (status === 200) await phone.bye();
      return status;
    };
    expect(await Promise.all(['play', 'echo', 'busy', 'moved', 'nothing'].map(status))).toEqual([
      200, 200, 486, 302, 404,
    ]);
    await expectIdle(server.tandem);
  });

  it('playback', async () => {
    await using server = await serveExample('playback');
    using phone = await RawPhone.open();
    await phone.call(server.port);
    await hearsPrompt(phone, 'welcome', 1000);
    await phone.bye();
    await expectIdle(server.tandem);
  });

  it('playback-control', async () => {
    await using server = await serveExample('playback-control');
    using phone = await RawPhone.open();
    await phone.call(server.port);
    await hearsPrompt(phone, 'music', 400);
    await phone.press('1');
    await phone.hears(phone.packets.length + 10);
    const muted = await phone.hears(phone.packets.length + 5);
    expect(audioOf(muted.slice(-5)).every((sample) => Math.abs(sample) < 16)).toBe(true);
    await phone.press('#');
    await phone.nextRequest('BYE');
    await expectIdle(server.tandem);
  });

  it('ivr', async () => {
    await using server = await serveExample('ivr');
    using phone = await RawPhone.open();
    await phone.call(server.port);
    await hearsPrompt(phone, 'welcome', 600);
    await phone.press('1');
    await hearsPrompt(phone, 'message', 600);
    await phone.press('#');
    await hearsPrompt(phone, 'goodbye', 400);
    await phone.nextRequest('BYE');
    await expectIdle(server.tandem);
  });

  it('record', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tandem-test-'));
    try {
      const file = join(folder, 'call.wav');
      vi.stubEnv('RECORDING', file);
      await using server = await serveExample('record');
      using phone = await RawPhone.open();
      await phone.call(server.port);
      const frames = Array.from({ length: 60 }, (_, f) =>
        Uint8Array.from({ length: 160 }, (_, i) => ((f * 160 + i) * 37) % 251),
      );
      await phone.speak(frames);
      await phone.hears(50);
      await phone.bye();
      await expectIdle(server.tandem);

      const wav = readWav(await readFile(file));
      expect([wav.channels, wav.sampleRate]).toEqual([2, 8000]);
      const said = decodeUlaw(Buffer.concat(frames));
      const part = said.subarray(160 * 10, 160 * 40);
      expect(correlate(channel(wav.samples, 2, 0), part).correlation).toBeGreaterThan(0.99);
      expect(correlate(channel(wav.samples, 2, 1), part).correlation).toBeGreaterThan(0.99);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('early-media', async () => {
    await using server = await serveExample('early-media');
    using phone = await RawPhone.open();
    phone.invite(server.port);
    phone.learnRtp(await phone.nextResponse(183));
    await hearsPrompt(phone, 'message', 600);
    expect((await phone.final()).status).toBe(200);
    await phone.bye();
    await expectIdle(server.tandem);
  });

  it('dtmf', async () => {
    await using server = await serveExample('dtmf');
    using phone = await RawPhone.open();
    await phone.call(server.port);
    for (const digit of '12#') await phone.press(digit);
    const digits = (): (number | undefined)[] => {
      const events = phone.packets.filter((p) => p.payloadType === 101);
      return [...new Map(events.map(({ timestamp, payload }) => [timestamp, payload[0]])).values()];
    };
    await expect.poll(digits).toEqual([1, 2]);
    await phone.bye();
    await expectIdle(server.tandem);
  });

  it('bridge', async () => {
    using sales = await RawPhone.open();
    vi.stubEnv('SALES', `sip:sales@127.0.0.1:${sales.sipPort}`);
    await using server = await serveExample('bridge');
    using phone = await RawPhone.open();
    await phone.call(server.port);
    await phone.press('1');
    await sales.nextRequest('ACK');
    await sales.speak([new Uint8Array(160).fill(0x11), new Uint8Array(160).fill(0x12)]);
    await expect.poll(() => phone.packets.some((p) => p.payload.every((byte) => byte === 0x12))).toBe(true);
    await sales.bye();
    await phone.nextRequest('BYE');
    await expectIdle(server.tandem);
  });

  it('b2bua', async () => {
    using callee = await RawPhone.open();
    vi.stubEnv('TARGET', `sip:uas@127.0.0.1:${callee.sipPort}`);
    await using server = await serveExample('b2bua');
    using phone = await RawPhone.open();
    expect((await phone.call(server.port)).status).toBe(200);
    await phone.speak([new Uint8Array(160).fill(0x21)]);
    expect((await callee.hears(1, 0))[0]?.payload.every((byte) => byte === 0x21)).toBe(true);
    await phone.bye();
    await callee.nextRequest('BYE');
    await expectIdle(server.tandem);
  });

  it('click-to-call', async () => {
    using agent = await RawPhone.open();
    using customer = await RawPhone.open();
    customer.plan = { provisional: [{ status: '180 Ringing' }], ringMs: 200, final: '200 OK' };
    vi.stubEnv('AGENT', `sip:agent@127.0.0.1:${agent.sipPort}`);
    vi.stubEnv('CUSTOMER', `sip:customer@127.0.0.1:${customer.sipPort}`);
    const { default: script } = (await import('../../examples/click-to-call.ts')) as {
      default: { start(tandem: Tandem): Promise<void> };
    };
    await using server = await openTandem((call) => call.reject(403));
    const running = script.start(server.tandem);
    await customer.nextRequest('ACK');
    expect(agent.packets.length).toBeGreaterThan(3); // ringback while the customer rang
    await agent.speak([new Uint8Array(160).fill(0x31)]);
    await expect.poll(() => customer.packets.some((p) => p.payload.every((byte) => byte === 0x31))).toBe(true);
    await customer.bye();
    await running;
    await agent.nextRequest('BYE');
    await expectIdle(server.tandem);
  });

  it('echo', async () => {
    await using server = await serveExample('echo');
    using phone = await RawPhone.open();
    await phone.call(server.port);
    // The script echoes from a moment after the ACK on.
    await expect
      .poll(() => {
        phone.sendRtp(new Uint8Array(160).fill(0xff));
        return phone.packets.length;
      })
      .toBeGreaterThan(0);
    const frames = Array.from({ length: 10 }, (_, frame) =>
      Uint8Array.from({ length: 160 }, (_, i) => (frame * 31 + i) & 0xff),
    );
    await phone.speak(frames);
    const all = Buffer.concat(frames);
    await expect.poll(() => Buffer.concat(phone.packets.slice(-10).map((p) => p.payload)).equals(all)).toBe(true);
    await phone.bye();
    await expectIdle(server.tandem);
  });
});
