/** Some thousands of mutated messages. The same by the million: `npm run fuzz`. */
import { describe, expect, it } from 'vitest';
import { fuzzAudio } from './audio.ts';
import { fuzzBinrpc } from './binrpc.ts';
import { fuzzConsole } from './console.ts';
import { fuzzDtls } from './dtls.ts';
import { fuzz } from './fuzz.ts';
import { fuzzIce } from './ice.ts';
import { fuzzJournal } from './journal.ts';
import { fuzzJsonRpc } from './json-rpc.ts';
import { fuzzMedia, mediaTargets } from './media.ts';
import { fuzzWav } from './wav.ts';

describe('mutated messages', () => {
  it.each([1, 2, 3, 4, 5, 6, 7, 8])('are read or refused, answered and forgotten: 1,000 of seed %i', async (seed) => {
    const { messages, received, sent } = await fuzz(seed);
    expect(messages).toBe(1000);
    // What no reader takes tells nothing of what comes behind it.
    expect(received).toBeGreaterThan(200);
    expect(sent).toBeGreaterThan(200);
  }, 60_000);

  it('are the same ones each time', async () => {
    const [one, again] = [await fuzz(9, { messages: 200 }), await fuzz(9, { messages: 200 })];
    expect(again).toEqual(one);
  });
});

describe.each(mediaTargets)('mutated %s', (target) => {
  it.each([1, 2, 3, 4])('breaks no leg, and a good stream is heard behind it: 1,000 of seed %i', async (seed) => {
    const { messages, received, reports } = await fuzzMedia(target, seed);
    expect(messages).toBe(1000);
    expect(received).toBeGreaterThan(50);
    // What nobody takes for a report tells nothing of how reports are taken.
    if (target === 'rtcp' || target === 'srtp') expect(reports).toBeGreaterThan(10);
  });

  it('is the same each time', async () => {
    expect(await fuzzMedia(target, 9, { messages: 200 })).toEqual(await fuzzMedia(target, 9, { messages: 200 }));
  });
});

describe('mutated STUN between two agents', () => {
  it.each([
    1, 2, 3, 4, 5, 6,
  ])('turns no media away, and they find each other behind it: 1,000 of seed %i', async (seed) => {
    const { messages, refused, answered } = await fuzzIce(seed);
    expect(messages).toBe(1000);
    expect(refused).toBeGreaterThan(300);
    expect(answered).toBeGreaterThan(3);
  });

  it('is the same each time', async () => {
    expect(await fuzzIce(9, { messages: 200 })).toEqual(await fuzzIce(9, { messages: 200 }));
  });
});

describe('mutated handshakes of DTLS', () => {
  it.each([1, 2])('fail, or give both sides the same keys: 1,000 datagrams of seed %i', async (seed) => {
    const { messages, connected, failed } = await fuzzDtls(seed);
    expect(messages).toBeGreaterThanOrEqual(1000);
    // What never comes to keys tells nothing of them.
    expect(connected).toBeGreaterThan(30);
    expect(failed).toBeGreaterThan(10);
  });
});

describe('mutated WAV', () => {
  it.each([1, 2, 3, 4])('is read or refused, and streams like a file: 1,000 of seed %i', async (seed) => {
    const { messages, decoded } = await fuzzWav(seed);
    expect(messages).toBe(1000);
    expect(decoded).toBeGreaterThan(200);
    expect(decoded).toBeLessThan(900);
  });

  it('is the same each time', async () => {
    expect(await fuzzWav(9, { messages: 200 })).toEqual(await fuzzWav(9, { messages: 200 }));
  });
});

describe('mutated packets of BINRPC', () => {
  it.each([1, 2, 3, 4])('are read or refused, and answered: 1,000 of seed %i', async (seed) => {
    const { messages, packets, replies } = await fuzzBinrpc(seed);
    expect(messages).toBe(1000);
    expect(packets).toBeGreaterThan(1000);
    expect(replies).toBeGreaterThan(100);
  });

  it('are the same ones each time', async () => {
    expect(await fuzzBinrpc(9, { messages: 200 })).toEqual(await fuzzBinrpc(9, { messages: 200 }));
  });
});

describe('mutated bodies of JSON-RPC', () => {
  it.each([1, 2, 3, 4])('are answered as JSON-RPC says: 1,000 of seed %i', async (seed) => {
    const { messages, ran, errors } = await fuzzJsonRpc(seed);
    expect(messages).toBe(1000);
    expect(ran).toBeGreaterThan(200);
    expect(errors).toBeGreaterThan(200);
  });

  it('are the same ones each time', async () => {
    expect(await fuzzJsonRpc(9, { messages: 200 })).toEqual(await fuzzJsonRpc(9, { messages: 200 }));
  });
});

describe('what pages send, mutated', () => {
  it.each([1, 2])('is understood or refused, and lets nobody in: 1,000 of seed %i', async (seed) => {
    const { messages, understood, errors } = await fuzzConsole(seed);
    expect(messages).toBe(1000);
    expect(understood).toBeGreaterThan(10);
    expect(errors).toBeGreaterThan(200);
  });
});

describe('mutated audio files', () => {
  it.each([1, 2])('play or are refused, the same however their bytes come: 200 of seed %i', async (seed) => {
    const { messages, played, refused } = await fuzzAudio(seed, { messages: 200 });
    expect(messages).toBe(200);
    expect(played).toBeGreaterThan(50);
    expect(refused).toBeGreaterThan(10);
  }, 60_000);
});

describe('damaged journals', () => {
  it.each([1, 2, 3, 4])('never have an old state of a call, or a part of it: 1,000 of seed %i', async (seed) => {
    const { messages, found, lost } = await fuzzJournal(seed);
    expect(messages).toBe(1000);
    expect(found).toBeGreaterThan(300);
    expect(lost).toBeGreaterThan(300);
  });

  it('are the same ones each time', async () => {
    expect(await fuzzJournal(9, { messages: 200 })).toEqual(await fuzzJournal(9, { messages: 200 }));
  });
});
