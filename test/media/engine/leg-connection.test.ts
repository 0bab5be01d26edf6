/** What becomes of the way to a peer when it is found by ICE no more. */
import { describe, expect, it } from 'vitest';
import { LegConnection } from '../../../media/engine/leg-connection.ts';
import { hostCandidate } from '../../../media/ice/candidate.ts';
import { newIceCredentials } from '../../../media/ice/credentials.ts';
import { createLatch, destination, renegotiate, steer } from '../../../media/rtp/latch.ts';
import type { NegotiatedAudio } from '../../../media/sdp/types.ts';
import { FakeClock, seededRandom } from '../../../src/testing/index.ts';

const random = seededRandom(3);

function connection() {
  const latch = createLatch('latch', 2000);
  const ignore = (): void => {};
  const subject = new LegConnection({
    clock: new FakeClock(),
    random,
    latch,
    ...{ send: ignore, onState: ignore, onDtls: ignore, onChanged: ignore },
  });
  return { latch, subject };
}

const withIce = {
  ice: {
    ...{ local: newIceCredentials(random), remote: newIceCredentials(random), role: 'controlled' },
    ...{ localLite: true, remoteLite: false, candidates: [], endOfCandidates: true },
    localCandidates: [hostCandidate('127.0.0.1', 4000)],
  },
} as unknown as NegotiatedAudio;

describe('a leg whose peer does without ICE from now on', () => {
  it('sends where SDP says, not where checks had found it', () => {
    const { latch, subject } = connection();
    const sdp = { address: '192.0.2.1', port: 5000 };
    subject.configure(withIce);
    renegotiate(latch, sdp);
    expect(destination(latch)).toBeUndefined();
    steer(latch, { address: '198.51.100.9', port: 61_000 });
    subject.configure({} as NegotiatedAudio);
    renegotiate(latch, sdp);
    expect(destination(latch)).toEqual(sdp);
    expect(latch.latched).toBe(false);
    subject.close();
  });
});
