/** Symmetric RTP of a leg: who is heard, and who hears us. The rule itself is in `latch.test.ts`. */
import { describe, expect, it } from 'vitest';
import type { MediaLeg, MediaOptions } from '../../media/index.ts';
import { writeRtcp } from '../../media/rtp/rtcp.ts';
import { openLab } from './support/lab.ts';
import { noise } from './support/open-media.ts';
import { negotiated, rtpBytes } from './support/phone.ts';

const sdp = { address: '10.0.0.1', port: 4000 };
const nat = { address: '198.51.100.7', port: 31_000 };
const moved = { address: '198.51.100.7', port: 31_002 };
const thief = { address: '203.0.113.9', port: 9000 };
type Place = typeof sdp;

async function openScene(options: MediaOptions = {}) {
  const lab = await openLab(options);
  const leg: MediaLeg = await lab.media.createLeg({ bindAddress: '10.0.0.9', callId: 'a' });
  leg.negotiate(negotiated({ ...sdp, rtcpPort: 4001 }));
  leg.play(noise(160 * 60_000), '');
  await lab.clock.advance(1);
  let sequence = 0;
  return {
    lab,
    leg,
    /** Packets that follow one another, 20 ms apart. */
    say: async (from: Place, count: number, { ssrc = 7, payloadType = 0 } = {}): Promise<void> => {
      for (let n = 0; n < count; n++) {
        sequence++;
        const packet = { sequence, timestamp: sequence * 160, ssrc, payloadType, payload: noise(160) };
        lab.host.deliver(leg.port, rtpBytes(packet), from);
        await lab.clock.advance(20);
      }
    },
    /** Where our packets went in the last 100 ms. */
    goesTo: async (): Promise<number[]> => {
      const ports = [sdp, nat, moved, thief].map(({ port }) => port);
      const before = ports.map((port) => lab.sentTo(port).length);
      await lab.clock.advance(100);
      return ports.filter((port, i) => lab.sentTo(port).length > before[i]!);
    },
    [Symbol.asyncDispose]: () => lab[Symbol.asyncDispose](),
  };
}

describe('a leg', () => {
  it('sends to SDP’s address, and one packet of anybody changes nothing', async () => {
    await using scene = await openScene();
    expect(await scene.goesTo()).toEqual([sdp.port]);
    await scene.say(thief, 1, { ssrc: 66 });
    expect(await scene.goesTo()).toEqual([sdp.port]);
    expect((await scene.leg.stats()).latched).toBeUndefined();
  });

  it('finds a peer behind a NAT, however late its first packet comes', async () => {
    await using scene = await openScene();
    await scene.lab.clock.advance(600_000);
    await scene.say(nat, 2);
    expect(await scene.goesTo()).toEqual([nat.port]);
    expect((await scene.leg.stats()).latched).toEqual(nat);
  });

  it('gives the peer at SDP’s address the stream back that a thief took before it', async () => {
    await using scene = await openScene();
    await scene.say(thief, 5, { ssrc: 66 });
    expect(await scene.goesTo()).toEqual([thief.port]);
    await scene.say(sdp, 3);
    expect(await scene.goesTo()).toEqual([sdp.port]);
    await scene.say(thief, 20, { ssrc: 66 });
    expect(await scene.goesTo()).toEqual([sdp.port]);
  });

  it('hears nobody else once it has found its peer, not with the same SSRC either', async () => {
    await using scene = await openScene();
    await scene.say(nat, 3);
    const { packets } = (await scene.leg.stats()).received;
    for (let n = 0; n < 30; n++) {
      await scene.say(thief, 1, { ssrc: n % 2 === 0 ? 7 : 66 });
      await scene.say(nat, 1);
    }
    const { received, latched } = await scene.leg.stats();
    expect(latched).toEqual(nat);
    expect(received).toMatchObject({ packets: packets + 30, invalid: 30, ssrc: 7 });
    expect(await scene.goesTo()).toEqual([nat.port]);
  });

  it('follows a peer whose NAT gives it another port, after 2 s of silence and with its SSRC', async () => {
    await using scene = await openScene();
    await scene.say(nat, 60);
    await scene.lab.clock.advance(1500);
    await scene.say(moved, 3);
    expect(await scene.goesTo()).toEqual([nat.port]);
    await scene.lab.clock.advance(400);
    await scene.say(thief, 10, { ssrc: 66 });
    expect(await scene.goesTo()).toEqual([nat.port]);
    await scene.say(moved, 2);
    expect(await scene.goesTo()).toEqual([moved.port]);
    await scene.say(nat, 10);
    expect(await scene.goesTo()).toEqual([moved.port]);
  });

  it('is not found by packets of a type that nobody agreed on', async () => {
    await using scene = await openScene();
    await scene.say(thief, 10, { payloadType: 99 });
    expect(await scene.goesTo()).toEqual([sdp.port]);
    expect((await scene.leg.stats()).received).toMatchObject({ packets: 0, invalid: 10 });
  });

  it('finds where reports go apart from where audio goes', async () => {
    await using scene = await openScene({ rtcpInterval: 1000 });
    await scene.say(nat, 3);
    for (let n = 0; n < 2; n++)
      scene.lab.host.deliver(scene.leg.rtcpPort, writeRtcp({ ssrc: 7, cname: 'x' }), { ...nat, port: 31_001 });
    await scene.lab.clock.advance(3000);
    expect(scene.lab.sentTo(31_001).length).toBeGreaterThan(0);
    expect(await scene.goesTo()).toEqual([nat.port]);
  });

  it('opens to anybody again with a new offer and answer', async () => {
    await using scene = await openScene();
    await scene.say(nat, 60);
    scene.leg.negotiate(negotiated({ ...sdp, rtcpPort: 4001 }));
    expect(await scene.goesTo()).toEqual([nat.port]);
    await scene.say(moved, 2, { ssrc: 8 });
    expect(await scene.goesTo()).toEqual([moved.port]);
  });

  it.each(['strict', 'off'] as const)('sends to SDP’s address whoever sends, when it is %s', async (symmetricRtp) => {
    await using scene = await openScene({ symmetricRtp });
    await scene.say(nat, 5);
    expect(await scene.goesTo()).toEqual([sdp.port]);
    expect((await scene.leg.stats()).received.packets).toBe(symmetricRtp === 'strict' ? 0 : 5);
  });
});
