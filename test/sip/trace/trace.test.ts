import { describe, expect, it } from 'vitest';
import { ConfigError } from '../../../src/base/errors.ts';
import { formatTrace } from '../../../src/sip/trace/format.ts';
import { traceSettings } from '../../../src/sip/trace/options.ts';
import { address, type Lab, openLab, reply, write } from '../lab.ts';

/** First words of what a trace has. */
function words(lab: Lab, callId: string): string[] {
  return lab.endpoint.trace.of(callId).map(({ direction, text }) => {
    const line = text.split('\r\n')[0] ?? '';
    return `${direction} ${line.startsWith('SIP/2.0 ') ? line.slice(8, 11) : line.split(' ')[0]}`;
  });
}

function callOf(lab: Lab) {
  return lab.endpoint.invite({
    uri: 'sip:peer@10.0.0.2:5070',
    from: address('sip:me@10.0.0.1'),
    to: address('sip:peer@10.0.0.2'),
    callId: 'ours',
    credentials: { username: 'bob', password: 'secret' },
  });
}

describe('the trace of a call', () => {
  it('has every message, copies too, as it was on the wire', async () => {
    const lab = await openLab();
    lab.endpoint.onInvite = (invite) => invite.reject(486, { reason: 'Büsy' });
    const invite = write({ callId: 'c', branch: 'z9hG4bKc' });
    await lab.send(invite);
    await lab.send(invite);
    await lab.clock.advance(500);
    await lab.send(write({ method: 'ACK', callId: 'c', branch: 'z9hG4bKc', to: lab.last().get('To') }));
    expect(words(lab, 'c')).toEqual(['in INVITE', 'out 486', 'in INVITE', 'out 486', 'out 486', 'in ACK']);
    const [first, second] = lab.endpoint.trace.of('c');
    const at = lab.clock.wallclock() - 500;
    const way = { at, transport: 'udp', local: '10.0.0.1:5060', remote: '10.0.0.2:5070' };
    expect(first).toEqual({ ...way, direction: 'in', text: invite });
    expect(second).toMatchObject({ ...way, direction: 'out' });
    expect(second?.text).toContain('486 Büsy');
  });

  it('has what went wrong with a call of ours, and no credentials', async () => {
    const lab = await openLab();
    const client = callOf(lab);
    await lab.clock.advance(0);
    const challenge = 'WWW-Authenticate: Digest realm="r", nonce="n0nce", algorithm=MD5';
    await lab.send(reply(lab.last(), 401, { headers: [challenge] }));
    await lab.send(reply(lab.last(), 403));
    expect((await client.final).response.status).toBe(403);
    expect(words(lab, 'ours')).toEqual([
      ...['out INVITE', 'in 401', 'out ACK'],
      ...['out INVITE', 'in 403', 'out ACK'],
    ]);
    const again = lab.endpoint.trace.of('ours')[3]?.text;
    expect(again).toMatch(/Authorization: Digest .*response="\*\*\*"/);
    expect(again).not.toMatch(/n0nce|[0-9a-f]{32}/);
  });

  it('is there while the call runs, and gone when it ends well', async () => {
    const lab = await openLab();
    const client = callOf(lab);
    await lab.clock.advance(0);
    await lab.send(reply(lab.last(), 200));
    const { dialog } = await client.final;
    dialog?.ack();
    expect(words(lab, 'ours')).toEqual(['out INVITE', 'in 200', 'out ACK']);
    const refused = dialog?.request('INVITE');
    await lab.clock.advance(0);
    await lab.send(reply(lab.last(), 488));
    await refused;
    lab.endpoint.trace.ended('ours', false);
    expect(words(lab, 'ours')).toEqual([]);
  });

  it('stays when the call ends badly', async () => {
    const lab = await openLab();
    lab.endpoint.onInvite = (invite) => invite.accept();
    await lab.send(write({ callId: 'c' }));
    lab.endpoint.trace.ended('c', true);
    await lab.clock.advance(3_600_000);
    expect(words(lab, 'c').slice(0, 2)).toEqual(['in INVITE', 'out 200']);
    await lab.clock.advance(1);
    expect(words(lab, 'c')).toEqual([]);
  });

  it('of a call that was challenged and came again is that of a good one', async () => {
    const lab = await openLab();
    lab.endpoint.onInvite = (invite) => {
      if (invite.request.headers.cseq.seq === 1) invite.reject(401);
      else invite.accept();
    };
    await lab.send(write({ callId: 'c' }));
    await lab.send(write({ callId: 'c', seq: 2 }));
    expect(words(lab, 'c')).toEqual(['in INVITE', 'out 401', 'in INVITE', 'out 200']);
    lab.endpoint.trace.ended('c', false);
    expect(words(lab, 'c')).toEqual([]);
  });

  it('of a call that its caller gave up is not kept', async () => {
    const lab = await openLab();
    lab.endpoint.onInvite = (invite) => {
      invite.onCancel = () => lab.endpoint.trace.ended('c', false);
    };
    await lab.send(write({ callId: 'c', branch: 'z9hG4bKx' }));
    await lab.send(write({ method: 'CANCEL', callId: 'c', branch: 'z9hG4bKx' }));
    expect(lab.heard()).toEqual(['200', '487']);
    expect(words(lab, 'c')).toEqual([]);
  });

  it('is of calls alone', async () => {
    const lab = await openLab();
    await lab.send(write({ method: 'OPTIONS', callId: 'o' }));
    await lab.send(write({ method: 'BYE', callId: 'b', to: '<sip:a@b>;tag=1' }));
    expect([words(lab, 'o'), words(lab, 'b'), words(lab, 'nobody')]).toEqual([[], [], []]);
  });

  it('can be kept of all calls, or of none', async () => {
    for (const [keep, count] of [
      ['all', 1],
      ['none', 0],
    ] as const) {
      const lab = await openLab({ trace: { keep } });
      await lab.send(write({ callId: 'c' }));
      lab.endpoint.trace.ended('c', false);
      expect(words(lab, 'c').filter((word) => word === 'in INVITE')).toHaveLength(count);
    }
  });

  it('is whole when the message came in pieces', async () => {
    const lab = await openLab({ listen: [{ transport: 'tcp', bindHost: '10.0.0.1', bindPort: 5060 }] });
    const connection = lab.peer.sip.connectStream(
      { transport: 'tcp', address: '10.0.0.1', port: 5060 },
      { onOpen() {}, onData() {}, onClose() {} },
    );
    const invite = write({ callId: 'c', via: 'SIP/2.0/TCP 10.0.0.2;branch=z9hG4bKt' });
    const options = write({ method: 'OPTIONS', callId: 'o', via: 'SIP/2.0/TCP 10.0.0.2;branch=z9hG4bKo' });
    const stream = Buffer.from(options + invite + options, 'latin1');
    connection.write(stream.subarray(0, 700), () => {});
    await lab.clock.advance(1);
    connection.write(stream.subarray(700), () => {});
    await lab.clock.advance(1);
    expect(lab.endpoint.trace.of('c')[0]).toMatchObject({ transport: 'tcp', text: invite });
  });
});

describe('the memory of traces', () => {
  it('has so many messages of a call: the first and the latest', async () => {
    const lab = await openLab();
    lab.endpoint.onInvite = (invite) => invite.accept();
    await lab.send(write({ callId: 'c' }));
    const to = lab.last().get('To');
    for (let seq = 2; seq < 200; seq++) await lab.send(write({ method: 'OPTIONS', callId: 'c', to, seq }));
    const seen = lab.endpoint.trace.of('c');
    expect(seen).toHaveLength(100);
    const numbers = seen.map(({ text }) => Number(/CSeq: (\d+)/.exec(text)?.[1]));
    expect(numbers.slice(0, 20)).toEqual([1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10]);
    expect(numbers.slice(20)).toEqual(Array.from({ length: 80 }, (_, i) => 160 + Math.floor(i / 2)));
  });

  it('has so many bytes of a call', async () => {
    const lab = await openLab();
    lab.endpoint.onInvite = (invite) => invite.accept();
    const big = { headers: Array.from({ length: 8 }, (_, i) => `X-${i}: ${'x'.repeat(3900)}`) };
    await lab.send(write({ callId: 'c', ...big }));
    const to = lab.last().get('To');
    for (let seq = 2; seq < 40; seq++) await lab.send(write({ method: 'OPTIONS', callId: 'c', to, seq, ...big }));
    const bytes = lab.endpoint.trace.of('c').reduce((sum, { text }) => sum + text.length, 0);
    expect(bytes).toBeGreaterThan(200_000);
    expect(bytes).toBeLessThan(262_144);
  });

  it('has so many failed calls, and so many bytes of all; the oldest go first', async () => {
    for (const trace of [{ maxCalls: 10 }, { maxBytes: 30_000 }]) {
      const lab = await openLab({ trace });
      for (let i = 0; i < 50; i++) await lab.send(write({ callId: `c${i}` }));
      const kept = Array.from({ length: 50 }, (_, i) => i).filter((i) => words(lab, `c${i}`).length > 0);
      expect(kept.length).toBeGreaterThanOrEqual(8);
      expect(kept.length).toBeLessThanOrEqual(16);
      expect(kept).toEqual(Array.from({ length: kept.length }, (_, i) => 50 - kept.length + i));
    }
  });

  it('has so many bytes of calls that run', async () => {
    const lab = await openLab({ trace: { maxBytes: 20_000 } });
    lab.endpoint.onInvite = (invite) => invite.accept();
    for (let i = 0; i < 50; i++) await lab.send(write({ callId: `c${i}` }));
    expect([words(lab, 'c0'), words(lab, 'c49')]).toEqual([[], ['in INVITE', 'out 200']]);
  });
});

describe('settings', () => {
  it.each([
    'homer:9060',
    'tcp:homer:9060',
    'udp:homer',
    'udp:homer:0',
    'udp:homer:70000',
    'udp:[1::2::3]:9060',
    'udp::9',
  ])('take no collector %s', (hep) => {
    expect(() => traceSettings({ hep })).toThrow(ConfigError);
  });

  it.each([
    ['udp:homer.example.com:9060', 'homer.example.com'],
    ['udp:10.0.0.9:9060', '10.0.0.9'],
    ['udp:[2001:db8::9]:9060', '2001:db8::9'],
  ])('take %s', (hep, host) => {
    expect(traceSettings({ hep }).hep).toEqual({ host, port: 9060 });
  });

  it('take no number below 0', () => {
    expect(() => traceSettings({ maxCalls: -1 })).toThrow(ConfigError);
  });
});

describe('a trace for people', () => {
  it('is a line per message', async () => {
    const lab = await openLab();
    lab.endpoint.onInvite = (invite) => {
      invite.provisional(180);
    };
    await lab.send(write({ callId: 'c', branch: 'z9hG4bKx' }));
    await lab.clock.advance(2500);
    await lab.send(write({ method: 'CANCEL', callId: 'c', branch: 'z9hG4bKx' }));
    const messages = lab.endpoint.trace.of('c');
    expect(formatTrace(messages).split('\n')).toEqual([
      '   0.000  <-- udp:10.0.0.2:5070  INVITE sip:1000@10.0.0.1:5060 (1)',
      '   0.000  --> udp:10.0.0.2:5070  180 Ringing (1 INVITE)',
      '   2.500  <-- udp:10.0.0.2:5070  CANCEL sip:1000@10.0.0.1:5060 (1)',
      '   2.500  --> udp:10.0.0.2:5070  200 OK (1 CANCEL)',
      '   2.500  --> udp:10.0.0.2:5070  487 Request Terminated (1 INVITE)',
    ]);
    const full = formatTrace(messages.slice(0, 1), { full: true });
    expect(full).toContain('(1)\n\n    INVITE sip:1000@10.0.0.1:5060 SIP/2.0\n    Via: ');
    const [first] = messages;
    if (first)
      expect(formatTrace([{ ...first, text: 'X \x1b[2J SIP/2.0\r\nCSeq: 1 X\r\n' }])).toMatch(/ {2}X \?\[2J \(1\)$/);
    expect(formatTrace([])).toBe('');
  });
});
