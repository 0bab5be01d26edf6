import { describe, expect, it } from 'vitest';
import { parseMessage, printMessage } from '../../src/sip/codec.ts';
import { createCounters } from '../../src/sip/counters.ts';
import type { SipRequest, SipResponse } from '../../src/sip/message.ts';
import { createResponse } from '../../src/sip/response.ts';
import { TransactionLayer } from '../../src/sip/transaction/layer.ts';
import { TimerQueue } from '../../src/sip/transaction/timer-queue.ts';
import { timerSettings } from '../../src/sip/transaction/timers.ts';
import type { PeerFlow } from '../../src/sip/transport/flow.ts';
import { FakeClock } from '../../src/testing/fake-clock.ts';
import { write } from './lab.ts';

type Transport = 'udp' | 'tcp';

/** A transaction layer over a flow that writes down when what was sent. */
function bench(transport: Transport) {
  const clock = new FakeClock();
  const sent: { at: number; what: string; text: string }[] = [];
  let fail: ((error: Error) => void) | undefined;
  const flow: PeerFlow = {
    transport,
    reliable: transport === 'tcp',
    address: '10.0.0.2',
    port: 5070,
    open: true,
    sentBy: { host: '10.0.0.1', port: 5060 },
    whenNamed: (done) => done(),
    whenGone() {},
    destroy() {},
    listener: {
      transport,
      host: '10.0.0.1',
      port: 5060,
      externalHost: '10.0.0.1',
      externalPort: 5060,
      receiveBuffer: undefined,
      family: 4,
      advertise: () => ({ host: '10.0.0.1', port: 5060 }),
    },
    send(bytes, onError) {
      const text = Buffer.from(bytes).toString('latin1');
      const start = text.split('\r\n')[0] ?? '';
      sent.push({
        at: clock.now(),
        what: start.startsWith('SIP') ? start.slice(8, 11) : (start.split(' ')[0] ?? ''),
        text,
      });
      fail = onError;
    },
    hold() {},
    release() {},
  };
  const timers = new TimerQueue(clock, (error) => {
    throw error;
  });
  const counters = createCounters();
  const layer = new TransactionLayer({
    timers,
    settings: timerSettings(),
    counters,
    replyFlow: () => flow,
    onSend: () => {},
    onTimer: () => {},
  });
  const events: string[] = [];
  return {
    clock,
    flow,
    timers,
    counters,
    layer,
    sent,
    events,
    times: (what: string) => sent.filter((one) => one.what === what).map(({ at }) => at),
    failSend: () => fail?.(new Error('unreachable')),
    request(text: string) {
      const request = message(text) as SipRequest;
      const user = {
        onResponse: ({ status }: SipResponse) => events.push(String(status)),
        onTimeout: () => events.push(`timeout ${clock.now()}`),
        onTransportError: () => events.push('transport error'),
        onExpire: () => events.push(`expire ${clock.now()}`),
        onTerminated: () => events.push(`end ${clock.now()}`),
      };
      return { request, transaction: layer.request(request, printMessage(request), flow, user) };
    },
    serve(text: string) {
      const request = message(text) as SipRequest;
      const transaction = layer.serve(request, flow);
      transaction.user = {
        onExpire: () => events.push(`expire ${clock.now()}`),
        onTransportError: () => events.push('transport error'),
        onAck: () => events.push('ack'),
      };
      return { request, transaction };
    },
  };
}

function message(text: string) {
  const parsed = parseMessage(Buffer.from(text, 'latin1'), 'datagram');
  if (!parsed.ok) throw new Error(parsed.error);
  return parsed.message;
}

const doubling = [0, 500, 1500, 3500, 7500, 15500, 31500];
const capped = [0, 500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500];

describe.each<[Transport]>([['udp'], ['tcp']])('over %s', (transport) => {
  const reliable = transport === 'tcp';

  describe('INVITE client transaction', () => {
    it('retransmits by timer A, doubling without a cap, until timer B', async () => {
      const { clock, times, events, request, timers, layer } = bench(transport);
      request(write());
      await clock.advance(40_000);
      expect(times('INVITE')).toEqual(reliable ? [0] : doubling);
      expect(events).toEqual(['timeout 32000', 'end 32000']);
      expect([timers.size, layer.clients]).toEqual([0, 0]);
    });

    it('stops on a provisional response and expires by timer C', async () => {
      const { clock, times, events, request, layer } = bench(transport);
      const invite = request(write());
      await clock.advance(100);
      layer.receiveResponse(createResponse(invite.request, 180, 'a'));
      await clock.advance(180_000);
      expect(times('INVITE')).toEqual([0]);
      expect(events).toEqual(['180', 'expire 180100']);
      invite.transaction.cancelled();
      await clock.advance(32_000);
      expect(events.slice(2)).toEqual(['timeout 212100', 'end 212100']);
    });

    it('acknowledges a failure, each copy again, with the Route of the INVITE, for timer D', async () => {
      const { clock, sent, times, events, request, layer } = bench(transport);
      const route = 'Route: <sip:proxy.example.com;lr>';
      const invite = request(write({ headers: [route], branch: 'z9hG4bKroute' }));
      layer.receiveResponse(createResponse(invite.request, 486, 'a'));
      await clock.advance(100);
      layer.receiveResponse(createResponse(invite.request, 486, 'a'));
      await clock.advance(40_000);
      expect(times('ACK')).toEqual(reliable ? [0] : [0, 100]);
      const ack = sent.find(({ what }) => what === 'ACK')?.text ?? '';
      expect(ack).toContain(route);
      expect(ack).toContain('branch=z9hG4bKroute');
      expect(ack).toMatch(/To: .*;tag=a\r\n/);
      expect(ack).toContain('CSeq: 1 ACK');
      expect(events).toEqual(['486', `end ${reliable ? 0 : 32_000}`]);
    });

    it('passes every 2xx up for timer M and acknowledges none itself (RFC 6026)', async () => {
      const { clock, times, events, request, layer } = bench(transport);
      const invite = request(write());
      layer.receiveResponse(createResponse(invite.request, 200, 'a'));
      await clock.advance(20_000);
      layer.receiveResponse(createResponse(invite.request, 200, 'b'));
      layer.receiveResponse(createResponse(invite.request, 486, 'c'));
      await clock.advance(20_000);
      expect(events).toEqual(['200', '200', 'end 32000']);
      expect(times('ACK')).toEqual([]);
    });

    it('ends on a transport error', async () => {
      const { events, request, failSend, timers } = bench(transport);
      request(write());
      failSend();
      expect(events).toEqual(['transport error', 'end 0']);
      expect(timers.size).toBe(0);
    });
  });

  describe('non-INVITE client transaction', () => {
    it('retransmits by timer E, capped at T2, until timer F', async () => {
      const { clock, times, events, request } = bench(transport);
      request(write({ method: 'OPTIONS' }));
      await clock.advance(40_000);
      expect(times('OPTIONS')).toEqual(reliable ? [0] : capped);
      expect(events).toEqual(['timeout 32000', 'end 32000']);
    });

    it('goes on retransmitting after a provisional response, each T2 once the timer E that runs has fired', async () => {
      const { clock, times, events, request, layer } = bench(transport);
      const options = request(write({ method: 'OPTIONS' }));
      await clock.advance(600);
      layer.receiveResponse(createResponse(options.request, 100));
      await clock.advance(40_000);
      expect(times('OPTIONS')).toEqual(reliable ? [0] : [0, 500, 1500, 5500, 9500, 13500, 17500, 21500, 25500, 29500]);
      expect(events).toEqual(['100', 'timeout 32000', 'end 32000']);
    });

    it('absorbs copies of the final response for timer K', async () => {
      const { clock, events, request, layer } = bench(transport);
      const options = request(write({ method: 'OPTIONS' }));
      layer.receiveResponse(createResponse(options.request, 200, 'a'));
      layer.receiveResponse(createResponse(options.request, 200, 'a'));
      await clock.advance(40_000);
      expect(events).toEqual(['200', `end ${reliable ? 0 : 5_000}`]);
    });
  });

  describe('INVITE server transaction', () => {
    it('sends 100 after 200 ms of silence and repeats it for each copy of the INVITE', async () => {
      const { clock, times, serve } = bench(transport);
      const { request, transaction } = serve(write());
      await clock.advance(199);
      transaction.receive(request);
      expect(times('100')).toEqual([]);
      await clock.advance(1);
      expect(times('100')).toEqual([200]);
      await clock.advance(300);
      transaction.receive(request);
      expect(times('100')).toEqual([200, 500]);
    });

    it('sends no 100 when the user was faster', async () => {
      const { clock, times, serve } = bench(transport);
      const { request, transaction } = serve(write());
      transaction.respond(createResponse(request, 180, 'a'));
      await clock.advance(1_000);
      expect(times('100')).toEqual([]);
    });

    it('retransmits a failure by timer G, capped at T2, until timer H', async () => {
      const { clock, times, serve, timers, layer, counters } = bench(transport);
      const { request, transaction } = serve(write());
      await clock.advance(1_000);
      transaction.respond(createResponse(request, 486, 'a'));
      await clock.advance(40_000);
      expect(times('486')).toEqual(reliable ? [1_000] : capped.map((at) => at + 1_000));
      expect([timers.size, layer.servers, counters.ackTimeouts]).toEqual([0, 0, 1]);
    });

    it('falls silent on the ACK and ends after timer I', async () => {
      const { clock, times, serve, layer } = bench(transport);
      const { request, transaction } = serve(write({ branch: 'z9hG4bKi' }));
      transaction.respond(createResponse(request, 486, 'a'));
      const ack = message(write({ method: 'ACK', branch: 'z9hG4bKi', to: '<sip:1000@10.0.0.1>;tag=a' })) as SipRequest;
      expect(layer.match(ack)).toBe(transaction);
      transaction.receive(ack);
      expect(layer.servers).toBe(reliable ? 0 : 1);
      await clock.advance(4_999);
      expect(layer.servers).toBe(reliable ? 0 : 1);
      await clock.advance(1);
      expect(layer.servers).toBe(0);
      expect(times('486')).toEqual([0]);
    });

    it('stays for timer L after a 2xx, absorbs the INVITE and passes the ACK up (RFC 6026)', async () => {
      const { clock, times, serve, layer, events } = bench(transport);
      const { request, transaction } = serve(write({ branch: 'z9hG4bKl' }));
      transaction.respond(createResponse(request, 200, 'a'));
      transaction.receive(request);
      transaction.receive(message(write({ method: 'ACK', branch: 'z9hG4bKl' })) as SipRequest);
      expect(events).toEqual(['ack']);
      await clock.advance(31_999);
      expect(layer.servers).toBe(1);
      await clock.advance(1);
      expect(layer.servers).toBe(0);
      expect(times('200')).toEqual([0]);
    });

    it('expires by timer C, which every 1xx but 100 starts anew', async () => {
      const { clock, serve, events } = bench(transport);
      const { request, transaction } = serve(write());
      transaction.respond(createResponse(request, 100));
      await clock.advance(170_000);
      transaction.respond(createResponse(request, 180, 'a'));
      await clock.advance(179_999);
      expect(events).toEqual([]);
      await clock.advance(1);
      expect(events).toEqual(['expire 350000']);
    });
  });

  describe('non-INVITE server transaction', () => {
    it('absorbs copies until it is answered, then repeats the answer for timer J', async () => {
      const { clock, times, serve, layer } = bench(transport);
      const { request, transaction } = serve(write({ method: 'OPTIONS' }));
      transaction.receive(request);
      await clock.advance(100);
      transaction.respond(createResponse(request, 200, 'a'));
      expect(layer.servers).toBe(reliable ? 0 : 1);
      if (!reliable) transaction.receive(request);
      expect(times('200')).toEqual(reliable ? [100] : [100, 100]);
      await clock.advance(32_000);
      expect(layer.servers).toBe(0);
    });

    it('goes away when its user never answers', async () => {
      const { clock, serve, layer, timers } = bench(transport);
      serve(write({ method: 'OPTIONS' }));
      await clock.advance(32_000);
      expect([layer.servers, timers.size]).toEqual([0, 0]);
    });
  });
});

describe('matching', () => {
  it('takes no response with another sent-by, method, number or a second Via', () => {
    const { layer, request, events } = bench('udp');
    const { request: sent } = request(write({ method: 'OPTIONS' }));
    const via = sent.headers.via[0] as (typeof sent.headers.via)[number];
    const good = createResponse(sent, 200, 'a');
    const bad: SipResponse[] = [
      { ...good, headers: { ...good.headers, via: [{ ...via, host: '10.9.9.9' }] } },
      { ...good, headers: { ...good.headers, via: [{ ...via, port: 5099 }] } },
      { ...good, headers: { ...good.headers, via: [via, via] } },
      { ...good, headers: { ...good.headers, cseq: { seq: 1, method: 'BYE' } } },
      { ...good, headers: { ...good.headers, cseq: { seq: 2, method: 'OPTIONS' } } },
    ];
    expect(bad.map((response) => layer.receiveResponse(response))).toEqual([false, false, false, false, false]);
    expect(events).toEqual([]);
    expect(layer.receiveResponse(good)).toBe(true);
  });

  it('keeps two clients with the same branch apart by sent-by', () => {
    const { layer, serve } = bench('udp');
    serve(write({ branch: 'z9hG4bKsame', via: 'SIP/2.0/UDP 10.0.0.2:5070;branch=z9hG4bKsame' }));
    const other = write({ via: 'SIP/2.0/UDP 10.0.0.3:5070;branch=z9hG4bKsame' });
    expect(layer.match(message(other) as SipRequest)).toBeUndefined();
  });

  it('matches clients of RFC 2543, whose branches mean nothing, by what identifies the request', () => {
    const { layer, serve } = bench('udp');
    const via = 'SIP/2.0/UDP 10.0.0.2:5070;branch=1';
    const { transaction } = serve(write({ via }));
    expect(layer.match(message(write({ via })) as SipRequest)).toBe(transaction);
    expect(layer.match(message(write({ via, method: 'ACK' })) as SipRequest)).toBe(transaction);
    expect(layer.match(message(write({ via, seq: 2 })) as SipRequest)).toBeUndefined();
    expect(layer.match(message(write({ via, callId: 'other' })) as SipRequest)).toBeUndefined();
  });
});
