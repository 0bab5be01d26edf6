/** One stream, whatever follows whatever in it. */
import { describe, expect, it } from 'vitest';
import { timestampDiff } from '../../media/rtp/sequence.ts';
import { openLab } from './support/lab.ts';
import { noise } from './support/open-media.ts';
import { negotiated } from './support/phone.ts';

const remote = { address: '10.0.0.1', port: 4000, rtcpPort: 4001 };

describe('prompts that follow one another at once', () => {
  it('keep pace with the clock: the stream is as long as the time it took', async () => {
    await using lab = await openLab();
    const leg = await lab.media.createLeg({ bindAddress: '10.0.0.9', callId: 'a' });
    leg.negotiate(negotiated(remote));
    await lab.clock.advance(3);
    const started = lab.clock.now();
    let over = false;
    const play = async (): Promise<void> => {
      // Not a whole number of packets: each prompt ends within one.
      for (let prompt = 0; prompt < 50; prompt++) await leg.play(noise(8 * 130, prompt), '').done;
      over = true;
    };
    void play();
    await lab.clock.runUntil(() => over, 60_000);
    const took = lab.clock.now() - started;
    const heard = lab.heard(4000);
    expect(heard).toHaveLength(50 * 7);
    const first = heard[0];
    const last = heard.at(-1);
    const audioMs = timestampDiff(last?.timestamp ?? 0, first?.timestamp ?? 0) / 8;
    expect(Math.abs(took - audioMs)).toBeLessThanOrEqual(40);
    for (let i = 1; i < heard.length; i++)
      expect(timestampDiff(heard[i]?.timestamp ?? 0, heard[i - 1]?.timestamp ?? 0)).toBe(160);
  });
});

describe('a leg that is closing', () => {
  it('begins nothing any more: what is settled then leaves no timer behind', async () => {
    await using lab = await openLab({ rtpTimeout: 5000 });
    const leg = await lab.media.createLeg({ bindAddress: '10.0.0.9', callId: 'a' });
    const closed = leg.close();
    // As when an answer comes in the moment of a hang-up.
    leg.negotiate(negotiated(remote));
    leg.play(noise(1600), '');
    await closed;
    await lab.clock.advance(10);
    expect(lab.clock.pendingTimers()).toEqual([]);
  });
});
