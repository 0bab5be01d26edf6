/**
 * The timers of RFC 3261 (table 4 in annex A; §17) and of RFC 6026, as they are seen on the wire: each row says what
 * the peer and the user of the endpoint do, when the endpoint sends what, and from when on it keeps how many
 * transactions. Times are milliseconds for T1 = 500, T2 = 4,000 and T4 = 5,000; all rows are played once more with
 * twice of everything.
 */
import { describe, expect, it } from 'vitest';
import type { TimerOptions } from '../../src/sip/transaction/timers.ts';
import { play, type Scene, type Seen } from './scene.ts';

interface Row extends Scene {
  readonly timer: string;
  readonly section: string;
  readonly what: string;
  readonly udp: Partial<Seen>;
  /** What differs from UDP. */
  readonly tcp?: Partial<Seen>;
}

/** T1, doubled without end: A. */
const doubling = [0, 500, 1_500, 3_500, 7_500, 15_500, 31_500];
/** T1, doubled up to T2: E, G and the 2xx to an INVITE. */
const capped = [0, 500, 1_500, 3_500, 7_500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500];
const from = (start: number, times: readonly number[]): number[] => times.map((time) => start + time);

const inviteClient: Row[] = [
  {
    timer: 'A, B',
    section: '§17.1.1.2',
    what: 'an INVITE that nobody answers: A from T1 on, doubled; B after 64·T1',
    we: { 0: 'INVITE' },
    udp: {
      sent: { INVITE: doubling },
      kept: { 0: 1, 32000: 0 },
      told: { 408: [32_000] },
    },
    tcp: { sent: { INVITE: [0] } },
  },
  {
    timer: 'A, B',
    section: '§17.1.1.2',
    what: 'a provisional response ends both',
    we: { 0: 'INVITE' },
    peer: { 600: '100 INVITE', 100000: '486 INVITE' },
    udp: {
      sent: { INVITE: [0, 500], ACK: [100_000] },
      kept: { 0: 1, 132000: 0 },
      told: { 486: [100_000] },
    },
    tcp: {
      sent: { INVITE: [0], ACK: [100_000] },
      kept: { 0: 1, 100000: 0 },
    },
  },
  {
    timer: 'C',
    section: '§16.6',
    what: 'an INVITE that rings: CANCEL after 3 min, each 1xx but 100 starts them anew; then 64·T1 for its 487',
    we: { 0: 'INVITE' },
    peer: { 100: '180 INVITE', 100000: '183 INVITE', 150000: '100 INVITE' },
    udp: {
      sent: { INVITE: [0], CANCEL: from(280_000, capped) },
      kept: { 0: 1, 280000: 2, 312000: 0 },
      told: { 408: [312_000] },
    },
    tcp: { sent: { INVITE: [0], CANCEL: [280_000] } },
  },
  {
    timer: 'D',
    section: '§17.1.1.2',
    what: 'ACK to each copy of a failure, for 32 s by UDP, for none by TCP',
    we: { 0: 'INVITE' },
    peer: { 100: '486 INVITE', 600: '486 INVITE', 32099: '486 INVITE', 32101: '486 INVITE' },
    udp: {
      sent: { INVITE: [0], ACK: [100, 600, 32_099] },
      kept: { 0: 1, 32100: 0 },
      told: { 486: [100] },
    },
    tcp: {
      sent: { INVITE: [0], ACK: [100] },
      kept: { 0: 1, 100: 0 },
    },
  },
  {
    timer: 'M',
    section: 'RFC 6026 §7.2',
    what: 'ACK to each copy of a 2xx, for 64·T1',
    we: { 0: 'INVITE' },
    peer: { 100: '200 INVITE', 600: '200 INVITE', 32099: '200 INVITE', 32101: '200 INVITE' },
    udp: {
      sent: { INVITE: [0], ACK: [100, 600, 32_099] },
      kept: { 0: 1, 32100: 0 },
      told: { 200: [100] },
    },
  },
  {
    timer: 'M',
    section: 'RFC 6026 §7.2, RFC 3261 §13.2.2.4',
    what: 'ACK and BYE to the 2xx of another fork, for 64·T1 from the first',
    we: { 0: 'INVITE' },
    peer: {
      50: '180 INVITE b',
      100: '200 INVITE',
      20000: '200 INVITE b',
      20100: '200 BYE',
      32101: '200 INVITE c',
    },
    udp: {
      sent: { INVITE: [0], ACK: [100, 20_000], BYE: [20_000] },
      kept: { 0: 1, 20000: 2, 25100: 1, 32100: 0 },
      told: { 200: [100] },
    },
    tcp: {
      kept: { 0: 1, 20000: 2, 20100: 1, 32100: 0 },
    },
  },
];

const nonInviteClient: Row[] = [
  {
    timer: 'E, F',
    section: '§17.1.2.2',
    what: 'a request that nobody answers: E from T1 on, doubled up to T2; F after 64·T1',
    we: { 0: 'OPTIONS' },
    udp: {
      sent: { OPTIONS: capped },
      kept: { 0: 1, 32000: 0 },
      told: { 408: [32_000] },
    },
    tcp: { sent: { OPTIONS: [0] } },
  },
  {
    timer: 'E, F',
    section: '§17.1.2.2',
    what: 'after a provisional response the E that runs is followed by T2',
    we: { 0: 'OPTIONS' },
    peer: { 600: '100 OPTIONS', 700: '100 OPTIONS' },
    udp: {
      sent: { OPTIONS: [0, 500, 1_500, 5_500, 9_500, 13_500, 17_500, 21_500, 25_500, 29_500] },
      kept: { 0: 1, 32000: 0 },
      told: { 408: [32_000] },
    },
    tcp: { sent: { OPTIONS: [0] } },
  },
  {
    timer: 'K',
    section: '§17.1.2.2',
    what: 'copies of the final response are absorbed for T4 by UDP, for no time by TCP',
    we: { 0: 'OPTIONS' },
    peer: { 100: '200 OPTIONS', 600: '200 OPTIONS', 5099: '200 OPTIONS' },
    udp: {
      sent: { OPTIONS: [0] },
      kept: { 0: 1, 5100: 0 },
      told: { 200: [100] },
    },
    tcp: {
      kept: { 0: 1, 100: 0 },
    },
  },
];

const cancelClient: Row[] = [
  {
    timer: 'E, K, D',
    section: '§9.1',
    what: 'CANCEL is a transaction of its own',
    we: { 0: 'INVITE', 1000: 'CANCEL' },
    peer: { 100: '180 INVITE', 1600: '200 CANCEL', 2000: '487 INVITE' },
    udp: {
      sent: { INVITE: [0], CANCEL: [1_000, 1_500], ACK: [2_000] },
      kept: { 0: 1, 1000: 2, 6600: 1, 34000: 0 },
      told: { 487: [2_000] },
    },
    tcp: {
      sent: { INVITE: [0], CANCEL: [1_000], ACK: [2_000] },
      kept: { 0: 1, 1000: 2, 1600: 1, 2000: 0 },
    },
  },
  {
    timer: 'A',
    section: '§9.1',
    what: 'CANCEL waits for a provisional response, and A goes on until then',
    we: { 0: 'INVITE', 100: 'CANCEL' },
    peer: { 1600: '180 INVITE', 1700: ['200 CANCEL', '487 INVITE'] },
    udp: {
      sent: { INVITE: [0, 500, 1_500], CANCEL: [1_600], ACK: [1_700] },
      kept: { 0: 1, 1600: 2, 6700: 1, 33700: 0 },
      told: { 487: [1_700] },
    },
    tcp: {
      sent: { INVITE: [0], CANCEL: [1_600], ACK: [1_700] },
      kept: { 0: 1, 1600: 2, 1700: 0 },
    },
  },
  {
    timer: '64·T1',
    section: '§9.1',
    what: 'an INVITE that was cancelled and gets no final response is over after 64·T1',
    we: { 0: 'INVITE', 1000: 'CANCEL' },
    peer: { 100: '180 INVITE', 1100: '200 CANCEL' },
    udp: {
      sent: { INVITE: [0], CANCEL: [1_000] },
      kept: { 0: 1, 1000: 2, 6100: 1, 33000: 0 },
      told: { 487: [33_000] },
    },
    tcp: {
      kept: { 0: 1, 1000: 2, 1100: 1, 33000: 0 },
    },
  },
];

const inviteServer: Row[] = [
  {
    timer: '200 ms',
    section: '§17.2.1',
    what: '100 when the user says nothing; a copy of the INVITE gets the latest response',
    peer: { 0: 'INVITE', 100: 'INVITE', 500: 'INVITE', 3000: 'INVITE', 4100: 'ACK' },
    we: { 2000: '180 INVITE', 4000: '486 INVITE' },
    udp: {
      sent: { '100 INVITE': [200, 500], '180 INVITE': [2_000, 3_000], '486 INVITE': [4_000] },
      kept: { 0: 1, 9100: 0 },
    },
    tcp: {
      kept: { 0: 1, 4100: 0 },
    },
  },
  {
    timer: '200 ms',
    section: '§17.2.1',
    what: 'no 100 when the user was faster',
    peer: { 0: 'INVITE', 1100: 'ACK' },
    we: { 199: '180 INVITE', 1000: '486 INVITE' },
    udp: {
      sent: { '180 INVITE': [199], '486 INVITE': [1_000] },
      kept: { 0: 1, 6100: 0 },
    },
    tcp: {
      kept: { 0: 1, 1100: 0 },
    },
  },
  {
    timer: 'C',
    section: '§16.8',
    what: '408 to an INVITE whose user says nothing for 3 min',
    peer: { 0: 'INVITE', 180100: 'ACK' },
    udp: {
      sent: { '100 INVITE': [200], '408 INVITE': [180_000] },
      kept: { 0: 1, 185100: 0 },
    },
    tcp: {
      kept: { 0: 1, 180100: 0 },
    },
  },
  {
    timer: 'G, H',
    section: '§17.2.1',
    what: 'a failure without ACK: G from T1 on, doubled up to T2; H after 64·T1',
    peer: { 0: 'INVITE' },
    we: { 100: '486 INVITE' },
    udp: {
      sent: { '486 INVITE': from(100, capped) },
      kept: { 0: 1, 32100: 0 },
    },
    tcp: { sent: { '486 INVITE': [100] } },
  },
  {
    timer: 'G, I',
    section: '§17.2.1',
    what: 'the ACK ends G; its copies, and those of the INVITE, are absorbed for T4 by UDP, for no time by TCP',
    peer: { 0: 'INVITE', 300: 'INVITE', 700: 'ACK', 1000: 'ACK', 2000: 'INVITE', 5699: 'ACK' },
    we: { 100: '486 INVITE' },
    udp: {
      sent: { '486 INVITE': [100, 300, 600] },
      kept: { 0: 1, 5700: 0 },
    },
    // The INVITE at 2,000 is a new one then.
    tcp: {
      sent: { '486 INVITE': [100, 300], '100 INVITE': [2_200], '408 INVITE': [182_000] },
      kept: { 0: 1, 700: 0, 2000: 1, 214000: 0 },
    },
  },
  {
    timer: 'L',
    section: 'RFC 6026 §7.1',
    what: 'copies of the INVITE are absorbed for 64·T1 from the 2xx on',
    peer: { 0: 'INVITE', 150: 'INVITE', 200: 'ACK', 700: 'INVITE', 32099: 'INVITE' },
    we: { 100: '200 INVITE' },
    udp: {
      sent: { '200 INVITE': [100] },
      kept: { 0: 1, 32100: 0 },
      told: { ACK: [200] },
    },
  },
  {
    timer: 'T1, T2',
    section: '§13.3.1.4',
    what: 'the 2xx is sent again, by TCP too, until its ACK, however late, comes',
    peer: { 0: 'INVITE', 20000: 'ACK', 20100: 'ACK' },
    we: { 100: '200 INVITE' },
    udp: {
      sent: { '200 INVITE': from(100, capped).slice(0, 8) },
      kept: { 0: 1, 32100: 0 },
      told: { ACK: [20_000] },
    },
  },
  {
    timer: '64·T1',
    section: '§13.3.1.4',
    what: 'the 2xx without ACK: BYE after 64·T1',
    peer: { 0: 'INVITE', 32200: '200 BYE' },
    we: { 100: '200 INVITE' },
    udp: {
      sent: { '200 INVITE': from(100, capped), BYE: [32_100] },
      kept: { 0: 1, 37200: 0 },
    },
    tcp: {
      kept: { 0: 1, 32200: 0 },
    },
  },
];

const nonInviteServer: Row[] = [
  {
    timer: 'J',
    section: '§17.2.2',
    what: 'copies of a request get its response for 64·T1 by UDP; by TCP they are new requests at once',
    peer: { 0: 'OPTIONS', 500: 'OPTIONS', 31999: 'OPTIONS' },
    udp: {
      sent: { '200 OPTIONS': [0, 500, 31_999] },
      kept: { 0: 1, 32000: 0 },
    },
    tcp: { sent: { '200 OPTIONS': [0], '480 OPTIONS': [500, 31_999] }, kept: {} },
  },
  {
    timer: 'J',
    section: '§17.2.2',
    what: 'after 64·T1 a copy is a new request',
    peer: { 0: 'OPTIONS', 32001: 'OPTIONS' },
    udp: {
      sent: { '200 OPTIONS': [0], '480 OPTIONS': [32_001] },
      kept: { 0: 1, 32000: 0, 32001: 1, 64001: 0 },
    },
    tcp: { kept: {} },
  },
  {
    timer: 'J',
    section: '§17.2.2',
    what: 'copies get nothing before there is a response',
    peer: { 0: 'INVITE', 200: 'ACK', 40000: 'INFO', 40500: 'INFO', 42000: 'INFO' },
    we: { 100: '200 INVITE', 41000: '200 INFO' },
    udp: {
      sent: { '200 INVITE': [100], '200 INFO': [41_000, 42_000] },
      kept: { 0: 1, 32100: 0, 40000: 1, 73000: 0 },
    },
    // The INFO at 42,000 is one whose number is not higher.
    tcp: {
      sent: { '200 INVITE': [100], '200 INFO': [41_000], '500 INFO': [42_000] },
      kept: { 0: 1, 32100: 0, 40000: 1, 41000: 0 },
    },
  },
  {
    timer: 'G, I, J',
    section: '§9.2',
    what: 'CANCEL is a transaction of its own, and the INVITE gets 487',
    peer: { 0: 'INVITE', 1000: 'CANCEL', 1200: 'CANCEL', 1600: 'ACK' },
    we: { 100: '180 INVITE' },
    udp: {
      sent: { '180 INVITE': [100], '200 CANCEL': [1_000, 1_200], '487 INVITE': [1_000, 1_500] },
      kept: { 0: 1, 1000: 2, 6600: 1, 33000: 0 },
    },
    tcp: {
      sent: { '180 INVITE': [100], '200 CANCEL': [1_000, 1_200], '487 INVITE': [1_000] },
      kept: { 0: 1, 1600: 0 },
    },
  },
];

const named = (rows: readonly Row[]): [string, Row][] =>
  rows.map((row) => [`${row.timer} (${row.section}): ${row.what}`, row]);

const twice: TimerOptions = { t1: 1_000, t2: 8_000, t4: 10_000, timerC: 360_000, trying: 400 };

describe.each([
  { title: 'the values of table 4', unit: 1, timers: {} },
  { title: 'twice the values', unit: 2, timers: twice },
])('$title', ({ unit, timers }) => {
  describe.each(['udp', 'tcp'] as const)('%s', (transport) => {
    describe.each([
      ['INVITE client transaction', inviteClient],
      ['non-INVITE client transaction', nonInviteClient],
      ['CANCEL of ours', cancelClient],
      ['INVITE server transaction', inviteServer],
      ['non-INVITE server transaction', nonInviteServer],
    ])('%s', (_, rows) => {
      it.each(named(rows))('%s', async (_name, { udp, tcp, ...scene }) => {
        const seen = await play(transport, { ...scene, timers }, unit);
        expect(seen).toEqual({ ...seen, ...udp, ...(transport === 'tcp' ? tcp : {}) });
      });
    });
  });
});

/** T1, T2 and T4 each for itself. */
const short: TimerOptions = { t1: 100, t2: 1_000, t4: 2_000 };
const shortCapped = [0, 100, 300, 700, 1_500, 2_500, 3_500, 4_500, 5_500];
const settings: Row[] = [
  {
    timer: 'A, B',
    section: '§17.1.1.2',
    what: 'by T1',
    we: { 0: 'INVITE' },
    udp: {
      sent: { INVITE: [0, 100, 300, 700, 1_500, 3_100, 6_300] },
      kept: { 0: 1, 6400: 0 },
    },
  },
  {
    timer: 'D',
    section: '§17.1.1.2',
    what: 'at least 32 s, however short T1 is',
    we: { 0: 'INVITE' },
    peer: { 100: '486 INVITE' },
    udp: {
      kept: { 0: 1, 32100: 0 },
    },
  },
  {
    timer: 'M',
    section: 'RFC 6026 §7.2',
    what: 'by T1',
    we: { 0: 'INVITE' },
    peer: { 50: '200 INVITE' },
    udp: {
      kept: { 0: 1, 6450: 0 },
    },
  },
  {
    timer: 'E, F',
    section: '§17.1.2.2',
    what: 'by T1 and T2',
    we: { 0: 'OPTIONS' },
    udp: {
      sent: { OPTIONS: shortCapped },
      kept: { 0: 1, 6400: 0 },
    },
  },
  {
    timer: 'E',
    section: '§17.1.2.2',
    what: 'by T2 after a provisional response',
    we: { 0: 'OPTIONS' },
    peer: { 150: '100 OPTIONS' },
    udp: {
      sent: { OPTIONS: [0, 100, 300, 1_300, 2_300, 3_300, 4_300, 5_300, 6_300] },
      kept: { 0: 1, 6400: 0 },
    },
  },
  {
    timer: 'K',
    section: '§17.1.2.2',
    what: 'by T4',
    we: { 0: 'OPTIONS' },
    peer: { 50: '200 OPTIONS' },
    udp: {
      kept: { 0: 1, 2050: 0 },
    },
  },
  {
    timer: 'G, H',
    section: '§17.2.1',
    what: 'by T1 and T2',
    peer: { 0: 'INVITE' },
    we: { 10: '486 INVITE' },
    udp: {
      sent: { '486 INVITE': from(10, shortCapped) },
      kept: { 0: 1, 6410: 0 },
    },
  },
  {
    timer: 'I',
    section: '§17.2.1',
    what: 'by T4',
    peer: { 0: 'INVITE', 50: 'ACK' },
    we: { 10: '486 INVITE' },
    udp: {
      kept: { 0: 1, 2050: 0 },
    },
  },
  {
    timer: 'J',
    section: '§17.2.2',
    what: 'by T1',
    peer: { 0: 'OPTIONS' },
    udp: {
      kept: { 0: 1, 6400: 0 },
    },
  },
  {
    timer: 'L, T1, T2',
    section: 'RFC 6026 §7.1, RFC 3261 §13.3.1.4',
    what: 'by T1 and T2',
    peer: { 0: 'INVITE', 6420: '200 BYE' },
    we: { 10: '200 INVITE' },
    udp: {
      sent: { '200 INVITE': from(10, shortCapped), BYE: [6_410] },
      kept: { 0: 1, 8420: 0 },
    },
  },
];

describe('T1 = 100, T2 = 1,000, T4 = 2,000 by UDP', () => {
  it.each(named(settings))('%s', async (_name, { udp, ...scene }) => {
    const seen = await play('udp', { ...scene, timers: short });
    expect(seen).toEqual({ ...seen, ...udp });
  });
});
