/** A million mutated packets: none is taken, none throws, none leaves a trace. */
import { describe, expect, it } from 'vitest';
import { newMasterKey, type SrtpProfile, srtpProfiles } from '../../../media/srtp/profiles.ts';
import { SrtpReceiver } from '../../../media/srtp/receiver.ts';
import { SrtpSender } from '../../../media/srtp/sender.ts';
import { between, chance, seededRandom } from '../../../src/testing/index.ts';
import { rtpPacket } from './support.ts';

const seed = 20_261;
const profiles = Object.keys(srtpProfiles) as SrtpProfile[];
const mutants = Math.ceil(1_000_000 / profiles.length);

describe.each(profiles)(`%s (seed ${seed})`, (profile) => {
  it('opens what was sent, and nothing else', { timeout: 300_000 }, () => {
    const random = seededRandom(seed, profile);
    const key = { inline: newMasterKey(profile, random), mki: 'abcd', lifetime: undefined };
    const sender = SrtpSender.create(profile, key);
    const receiver = SrtpReceiver.create(profile, [key]);
    const payload = random.bytes(160);
    const seal = (kind: 'rtp' | 'rtcp', sequence: number): Uint8Array => {
      const clear = rtpPacket(sequence, 7, payload, { csrcs: sequence % 3, extension: sequence % 5 === 0 });
      if (kind === 'rtcp') clear.set([0x80, 200, 0, 40, 0, 0, 0, 7]);
      return Uint8Array.from(sender[kind](clear, 0, clear.length)!.subarray(0, sender.length));
    };
    let sequence = 1;
    let whole = { rtp: seal('rtp', sequence), rtcp: seal('rtcp', sequence) };
    let state = JSON.stringify(receiver.state);
    for (let i = 0; i < mutants; i++) {
      const kind = chance(random, 0.7) ? 'rtp' : 'rtcp';
      const original = whole[kind];
      const mutant = original.slice(0, chance(random, 0.3) ? between(random, 0, original.length - 1) : undefined);
      if (mutant.length === original.length)
        for (let n = between(random, 1, 5); n > 0; n--) {
          const at = between(random, 0, mutant.length - 1);
          mutant[at] = original[at]! ^ between(random, 1, 255);
        }
      const before = mutant.slice();
      if (receiver[kind](mutant, 0, mutant.length) !== 0) throw new Error(`${kind} mutant ${i} was taken`);
      if (Buffer.compare(mutant, before) !== 0) throw new Error(`${kind} mutant ${i} was changed`);
      if (i % 1000 !== 999) continue;
      expect(JSON.stringify(receiver.state)).toBe(state);
      for (const one of ['rtp', 'rtcp'] as const)
        expect(receiver[one](whole[one], 0, whole[one].length)).toBeGreaterThan(0);
      sequence++;
      whole = { rtp: seal('rtp', sequence), rtcp: seal('rtcp', sequence) };
      state = JSON.stringify(receiver.state);
    }
  });
});
