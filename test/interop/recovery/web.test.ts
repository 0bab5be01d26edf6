/** A call with keys by DTLS and a way found by ICE whose server is killed again and again. */
import { afterEach, describe, expect, it } from 'vitest';
import type { DialogClientSession } from '../../../src/session/dialog-client-session.ts';
import { DurableServer } from '../support/durable.ts';
import { expectNoPrograms } from '../support/process.ts';
import { openWebPeer, type WebPeer, type WirePacket } from '../support/web-peer.ts';
import { kills } from './talk.ts';

const music = new URL('../../../prompts/music.wav', import.meta.url);

afterEach(expectNoPrograms);

/** A call that plays music and gets it back. */
async function echoed({ tandem }: WebPeer, { port }: DurableServer): Promise<DialogClientSession> {
  const call = await tandem.invite(`sip:echo@127.0.0.1:${port}`, { srtp: 'dtls', ice: true });
  call
    .playback()
    .play(music, { type: 'audio/wav', loop: true })
    .catch(() => {});
  return call;
}

async function hearsMore({ packets }: WebPeer, count: number): Promise<void> {
  const before = packets.length;
  await expect.poll(() => packets.length - before, { timeout: 20_000, interval: 20 }).toBeGreaterThan(count);
}

function longestGap(packets: readonly WirePacket[]): number {
  return Math.round(Math.max(...packets.map(({ at }, index) => at - (packets[index - 1]?.at ?? at))));
}

/** RFC 3711 §9.1: two packets under one key and index would give both away. */
function expectNoIndexTwice(packets: readonly WirePacket[]): void {
  const seen = new Map<string, Buffer>();
  for (const { ssrc, sequence, bytes } of packets) {
    const name = `${ssrc}/${sequence}`;
    const before = seen.get(name);
    if (before) expect(bytes.equals(before)).toBe(true);
    seen.set(name, bytes);
  }
}

describe('a call with a browser survives kill -9', () => {
  it('on its way and with its keys: no check, no handshake and no offer is made anew', async () => {
    await using server = await DurableServer.start('test/interop/recovery/echo.ts');
    await using peer = await openWebPeer();
    const states: string[] = [];
    peer.tandem.observer.on('media:ice', ({ state }) => void states.push(`ice ${state}`));
    peer.tandem.observer.on('media:dtls', ({ state }) => void states.push(`dtls ${state}`));
    const call = await echoed(peer, server);
    await hearsMore(peer, 100);
    const gaps: number[] = [];
    for (let kill = 0; kill < kills; kill++) {
      const from = peer.packets.length - 1;
      await server.kill();
      await server.again();
      await hearsMore(peer, 100);
      gaps.push(longestGap(peer.packets.slice(from)));
    }
    console.log(`longest gap, ms: ${gaps.join(', ')}`);
    expect(states.toSorted()).toEqual(['dtls connected', 'ice connected']);
    expectNoIndexTwice(peer.packets);
    expect(new Set(peer.packets.map(({ ssrc }) => ssrc)).size).toBe(1);
    const { srtp, ice } = await call.stats();
    expect(srtp).toMatchObject({ failed: 0, replayed: 0 });
    expect(ice?.restarts).toBe(0);
    await call.hangup();
    await expect.poll(async () => (await server.check()).calls).toBe(0);
  });

  it('whose peer looks for the way anew in the next process', async () => {
    await using server = await DurableServer.start('test/interop/recovery/echo.ts');
    await using peer = await openWebPeer();
    const call = await echoed(peer, server);
    await hearsMore(peer, 50);
    await server.kill();
    await server.again();
    await call.reInvite({ iceRestart: true });
    await hearsMore(peer, 100);
    expect((await call.stats()).ice).toMatchObject({ state: 'connected', restarts: 1 });
    await call.hangup();
  });
});

describe('a call with a browser whose network goes', () => {
  it('goes on when it comes back in time, by an ICE restart', async () => {
    await using server = await DurableServer.start('test/interop/recovery/echo.ts');
    await using peer = await openWebPeer();
    const call = await echoed(peer, server);
    await hearsMore(peer, 50);
    const from = peer.packets.length - 1;
    peer.offline = true;
    await new Promise((resolve) => setTimeout(resolve, 3000));
    peer.offline = false;
    await call.reInvite({ iceRestart: true });
    await hearsMore(peer, 50);
    console.log(`gap of a network that was gone for 3 s: ${longestGap(peer.packets.slice(from))} ms`);
    expect((await server.check()).calls).toBe(1);
    await call.hangup();
  });
});
