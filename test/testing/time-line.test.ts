import { describe, expect, it } from 'vitest';
import { eventOf, writeEvent } from '../../media/dtmf/event.ts';
import { writeRtpHeader } from '../../media/rtp/packet.ts';
import type { Sight } from '../../src/testing/network/network.ts';
import { WireTrace } from '../../src/testing/network/wire-trace.ts';
import { seconds, TimeLine, type TimeLineEntry } from '../../src/testing/time-line.ts';

const entry = (at: number, text = `at ${at}`, more: Partial<TimeLineEntry> = {}): TimeLineEntry => ({
  at,
  kind: 'call',
  who: 'alice',
  text,
  ...more,
});

function timeLine(...entries: readonly TimeLineEntry[]): TimeLine {
  const line = new TimeLine(7);
  for (const one of entries) line.add(one);
  return line;
}

/** What is below the head. */
const linesOf = (text: string): string[] => text.split('\n').slice(1);

describe('TimeLine', () => {
  it('shows who did what when, in columns, and how to see it again', () => {
    const line = timeLine(
      entry(0, 'dials'),
      entry(1234.5678, 'INVITE', { who: 'alice', to: 'tandem' }),
      entry(61_000, 'BYE', { who: 'tandem', to: 'alice', arrow: '✗' }),
    );
    expect(line.toString()).toBe(
      [
        'time line of seed 7 (TANDEM_SEED=7 replays it)',
        '      0.000  alice           dials',
        '      1.235  alice → tandem  INVITE',
        '     61.000  tandem ✗ alice  BYE',
      ].join('\n'),
    );
  });

  it('sorts by time, and leaves what happened at one time in its order', () => {
    const line = timeLine(entry(20, 'c'), entry(10, 'a'), entry(20, 'd'), entry(10, 'b'), entry(30, 'e'));
    expect(
      line
        .entries()
        .map(({ text }) => text)
        .join(''),
    ).toBe('abcde');
    line.add(entry(20, 'late'));
    expect(line.entries().map(({ text }) => text)).toEqual(['a', 'b', 'c', 'd', 'late', 'e']);
  });

  it('shows a part: from, until, both ends included', () => {
    const line = timeLine(entry(10), entry(20), entry(30), entry(40));
    expect(line.entries({ from: 20, until: 30 }).map(({ at }) => at)).toEqual([20, 30]);
    expect(linesOf(line.toString({ from: 30 }))).toHaveLength(2);
    expect(linesOf(line.toString({ until: 10 }))).toHaveLength(1);
  });

  it.each([
    [0, ['  … 4 entries before']],
    [1, ['  … 3 entries before', '      0.040  alice  at 40']],
    [4, 4],
    [9, 4],
  ])('shows the last %i and says how many were before', (last, expected) => {
    const lines = linesOf(timeLine(entry(10), entry(20), entry(30), entry(40)).toString({ last }));
    if (typeof expected === 'number') expect(lines).toHaveLength(expected);
    else expect(lines).toEqual(expected);
  });

  it('shows whole messages if asked to', () => {
    const message = 'BYE sip:alice@10.0.1.1 SIP/2.0\r\nCall-ID: 1\r\n\r\n';
    const line = timeLine(entry(0, 'BYE', { detail: message }), entry(1, 'on'));
    expect(linesOf(line.toString())).toHaveLength(2);
    expect(linesOf(line.toString({ full: true }))).toEqual([
      '      0.000  alice  BYE',
      '      | BYE sip:alice@10.0.1.1 SIP/2.0',
      '      | Call-ID: 1',
      '      0.001  alice  on',
    ]);
    const withBody = timeLine(entry(0, 'INVITE', { detail: 'a\r\n\r\nv=0\r\n' }));
    expect(linesOf(withBody.toString({ full: true })).slice(1)).toEqual(['      | a', '      |', '      | v=0']);
  });

  it('keeps so many entries, and then forgets the oldest', () => {
    const line = new TimeLine(1);
    for (let at = 0; at < 200_000; at++) line.add(entry(at));
    expect(line.entries()).toHaveLength(200_000);
    expect(line.toString().length).toBeGreaterThan(200_000);
    line.add(entry(200_000));
    const kept = line.entries();
    expect([kept.length, kept[0]?.at, kept.at(-1)?.at]).toEqual([100_001, 100_000, 200_000]);
    expect(linesOf(line.toString({ last: 1 }))).toEqual(['  … 200000 entries before', '    200.000  alice  at 200000']);
  });

  it('has seconds to the millisecond', () => {
    expect([0, 1, 999.6, 3_600_000].map(seconds)).toEqual(['0.000', '0.001', '1.000', '3600.000']);
  });
});

const [alice, tandem] = [
  { address: '10.0.1.1', port: 5060 },
  { address: '10.0.0.1', port: 5060 },
];

/** A trace, and what it writes. */
function traced() {
  const line = new TimeLine(1);
  const names: Record<string, string> = { [alice.address]: 'alice', [tandem.address]: 'tandem' };
  const trace = new WireTrace(line, (address) => names[address] ?? address);
  const see = (bytes: Uint8Array, sight: Partial<Sight> = {}): void => {
    const at = sight.at ?? 0;
    trace.see({
      at,
      traffic: 'sip',
      transport: 'udp',
      from: alice,
      to: tandem,
      bytes,
      arrivals: [at + 1],
      noHost: false,
      ...sight,
    });
  };
  const texts = (): string[] => line.entries().map(({ text }) => text);
  return { line, trace, see, texts };
}

const message = (...lines: readonly string[]): Uint8Array => Buffer.from(lines.join('\r\n'), 'latin1');

describe('SIP on the wire', () => {
  const invite = ['INVITE sip:1000@10.0.0.1 SIP/2.0', 'Via: x', 'CSeq: 12 INVITE', '', ''];

  it.each([
    ['INVITE sip:1000@10.0.0.1 #12', invite],
    ['INVITE sip:1000@10.0.0.1 #12 SDP', [...invite.slice(0, 4), 'v=0', 'a=sendrecv', '']],
    ['INVITE sip:1000@10.0.0.1 #12 SDP sendonly', [...invite.slice(0, 4), 'v=0', 'a=sendonly', '']],
    ['180 Ringing #3 INVITE', ['SIP/2.0 180 Ringing', 'cseq:3 INVITE', '', '']],
    ['200 OK #4 INVITE SDP inactive', ['SIP/2.0 200 OK', 'CSeq: 4 INVITE', '', 'v=0', 'a=inactive', '']],
    ['200 OK', ['SIP/2.0 200 OK', '', '']],
    ['keep-alive', ['', '', '']],
    ['keep-alive', ['', '']],
    ['keep-alive', ['\0\0\0\0']],
    ['nonsense', ['nonsense']],
    [`INVITE sip:${'1'.repeat(89)}`, [`INVITE sip:${'1'.repeat(500)} SIP/2.0`, '', '']],
  ])('is shown as “%s”', (text, lines) => {
    const { see, texts } = traced();
    see(message(...lines));
    expect(texts()).toEqual([text]);
  });

  it('is shown with whose it is, and can be seen in full', () => {
    const { see, line } = traced();
    see(message(...invite), { at: 250 });
    expect(line.entries()).toEqual([
      {
        at: 250,
        kind: 'sip',
        who: 'alice',
        to: 'tandem',
        text: 'INVITE sip:1000@10.0.0.1 #12',
        detail: invite.join('\r\n'),
      },
    ]);
  });

  it('is shown with what becomes of it', () => {
    const { see, line } = traced();
    const bye = message('BYE sip:x SIP/2.0', '', '');
    const nobody = { address: '10.9.9.9', port: 5060 };
    see(bye, { at: 0, arrivals: [] });
    see(bye, { at: 10, arrivals: [], noHost: true, to: nobody });
    see(bye, { at: 20, arrivals: [21, 35] });
    see(bye, { at: 30, arrivals: [250.4] });
    see(bye, { at: 40, arrivals: [60] });
    see(bye, { at: 50, arrivals: [90, 95], transport: 'tcp' });
    expect(linesOf(line.toString())).toEqual([
      '      0.000  alice ✗ tandem    BYE sip:x  (lost)',
      '      0.010  alice ✗ 10.9.9.9  BYE sip:x  (no such host)',
      '      0.020  alice → tandem    BYE sip:x  (twice)',
      '      0.030  alice → tandem    BYE sip:x  (220 ms under way)',
      '      0.040  alice → tandem    BYE sip:x',
      '      0.050  alice → tandem    BYE sip:x  (tcp, twice, 40 ms under way)',
    ]);
  });
});

interface Packet {
  readonly payloadType?: number;
  readonly sequence?: number;
  readonly timestamp?: number;
  readonly ssrc?: number;
  readonly payload?: Uint8Array;
}

function rtp({ payloadType = 0, sequence = 1, timestamp = 160, ssrc = 1, payload = new Uint8Array(160) }: Packet = {}) {
  const bytes = new Uint8Array(12 + payload.length);
  writeRtpHeader(bytes, 0, payloadType, false, sequence, timestamp, ssrc);
  bytes.set(payload, 12);
  return bytes;
}

function press(digit: string, timestamp: number, duration: number, end = false): Uint8Array {
  const payload = new Uint8Array(4);
  writeEvent(payload, 0, digit === '?' ? 16 : eventOf(digit), end, 10, duration);
  return rtp({ payloadType: 101, timestamp, payload });
}

describe('RTP on the wire', () => {
  /** So many packets, one every 20 ms. */
  function stream(
    see: ReturnType<typeof traced>['see'],
    count: number,
    from = 0,
    packet: Packet = {},
    sight: Partial<Sight> = {},
  ) {
    for (let i = 0; i < count; i++) {
      const at = from + 20 * i;
      see(rtp({ sequence: i, timestamp: i * 160, ...packet }), { at, traffic: 'rtp', ...sight });
    }
  }

  it('is shown where it begins and, with its sums, where it stops', () => {
    const { see, trace, line } = traced();
    stream(see, 50, 1000);
    expect(linesOf(line.toString())).toEqual(['      1.000  alice → tandem  RTP begins, payload type 0']);
    trace.end();
    trace.end();
    const [, stop, ...more] = linesOf(line.toString());
    expect(stop).toMatch(
      /^ {6}1\.980 {2}alice → tandem {2}RTP stops after 0\.980 s: 50 packets, 0 lost, checksum [\da-f]{8}$/,
    );
    expect(more).toEqual([]);
  });

  it('has stopped where it paused, which is known when it goes on', () => {
    const { see, texts, line } = traced();
    stream(see, 3);
    stream(see, 3, 140);
    expect(texts()).toHaveLength(1);
    stream(see, 2, 500);
    expect(line.entries().map(({ at, text }) => `${at} ${text.replace(/, check.*/, '')}`)).toEqual([
      '0 RTP begins, payload type 0',
      '180 RTP stops after 0.180 s: 6 packets, 0 lost',
      '500 RTP begins, payload type 0',
    ]);
  });

  it('counts what is lost', () => {
    const { see, trace, texts } = traced();
    stream(see, 4);
    stream(see, 3, 80, {}, { arrivals: [] });
    trace.end();
    expect(texts()[1]).toContain('7 packets, 3 lost');
  });

  it('is another stream with another payload type, source, port or direction', () => {
    const { see, texts } = traced();
    stream(see, 2);
    stream(see, 2, 40, { payloadType: 8 });
    stream(see, 2, 80, { payloadType: 8, ssrc: 2 });
    expect(texts().map((text) => text.slice(0, 9))).toEqual([
      'RTP begin',
      'RTP stops',
      'RTP begin',
      'RTP stops',
      'RTP begin',
    ]);
    stream(see, 1, 100, { payloadType: 8, ssrc: 2 }, { from: { ...alice, port: 4002 } });
    stream(see, 1, 100, { payloadType: 8, ssrc: 2 }, { from: tandem, to: alice });
    expect(texts().filter((text) => text.startsWith('RTP begin'))).toHaveLength(5);
  });

  it('has another checksum with another byte, and the same with the same', () => {
    const sum = (packet: Packet): string | undefined => {
      const { see, trace, texts } = traced();
      stream(see, 20, 0, packet);
      trace.end();
      return /checksum (\w+)/.exec(texts()[1] ?? '')?.[1];
    };
    const payload = new Uint8Array(160);
    expect(sum({ payload })).toBe(sum({}));
    payload[159] = 1;
    expect(sum({ payload })).not.toBe(sum({}));
  });

  it('leaves out RTCP and what is neither', () => {
    const { see, trace, texts } = traced();
    const rtcp = Uint8Array.of(0x80, 200, 0, 6, ...new Array(24).fill(0));
    for (const bytes of [rtcp, Uint8Array.of(), Uint8Array.of(1, 2, 3), new Uint8Array(20)])
      see(bytes, { traffic: 'rtp' });
    trace.end();
    expect(texts()).toEqual([]);
  });

  it('shows a key once per press, however often it is sent', () => {
    const { see, line } = traced();
    stream(see, 3);
    const keys = [
      ['1', 1000],
      ['1', 3000],
      ['#', 5000],
      ['?', 7000],
    ] as const;
    let at = 60;
    for (const [digit, timestamp] of keys)
      for (const [duration, end] of [
        [160, false],
        [320, false],
        [480, true],
        [480, true],
        [480, true],
      ] as const) {
        see(press(digit, timestamp, duration, end), { at, traffic: 'rtp' });
        at += 20;
      }
    stream(see, 1, at);
    expect(line.entries().map((one) => `${one.at} ${one.kind} ${one.text}`)).toEqual([
      '0 rtp RTP begins, payload type 0',
      '60 dtmf digit 1 (RFC 4733)',
      '160 dtmf digit 1 (RFC 4733)',
      '260 dtmf digit # (RFC 4733)',
      '360 dtmf digit ? (RFC 4733)',
    ]);
  });

  it('shows a key once, too, that is held while nothing else is sent', () => {
    const { see, texts } = traced();
    see(press('5', 1000, 160), { at: 0, traffic: 'rtp' });
    see(press('5', 1000, 4000, true), { at: 500, traffic: 'rtp' });
    expect(texts().filter((text) => text.startsWith('digit'))).toEqual(['digit 5 (RFC 4733)']);
  });
});
