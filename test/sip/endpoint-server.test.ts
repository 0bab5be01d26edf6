import { describe, expect, it } from 'vitest';
import type { InviteServer } from '../../src/sip/endpoint.ts';
import { type Lab, openLab, read, reply, sdp, write } from './lab.ts';

const toTagOf = (lab: Lab): string => /tag=(\w+)/.exec(lab.last().get('To'))?.[1] ?? '';
const inDialog = (lab: Lab): string => `<sip:1000@10.0.0.1>;tag=${toTagOf(lab)}`;

/** A lab whose endpoint keeps its INVITEs. */
async function answering(act: (invite: InviteServer) => void = () => {}, options = {}) {
  const lab = await openLab(options);
  const invites: InviteServer[] = [];
  lab.endpoint.onInvite = (invite) => {
    invites.push(invite);
    act(invite);
  };
  return { lab, invites };
}

/** A call that was answered and acknowledged. */
async function established(options = {}) {
  const { lab, invites } = await answering((invite) => invite.accept(), options);
  await lab.send(write({ body: sdp }));
  const to = inDialog(lab);
  await lab.send(write({ method: 'ACK', to }));
  const dialog = (invites[0] as InviteServer).dialog;
  return { lab, dialog, to };
}

describe('what a request is refused with', () => {
  const cases: [string, Parameters<typeof write>[0], string, [string, RegExp][]][] = [
    ['a method without handler', { method: 'PUBLISH' }, '405', [['Allow', /INVITE, ACK, BYE, CANCEL, OPTIONS, INFO/]]],
    ['a method that nobody knows', { method: 'JUMP' }, '501', [['Allow', /INVITE, ACK, BYE, CANCEL, OPTIONS, INFO/]]],
    ['a method that needs a dialog', { method: 'INFO' }, '405', [['Allow', /OPTIONS/]]],
    ['a Request-URI of another scheme', { uri: 'http://example.com/' }, '416', []],
    ['sips, which there is no TLS for', { uri: 'sips:1000@10.0.0.1' }, '416', []],
    ['a Request-URI with an impossible port', { uri: 'sip:1000@10.0.0.1:99999' }, '400', []],
    ['an INVITE without Contact', { contact: undefined }, '400', []],
    ['an INVITE with a Contact nothing can be sent to', { contact: '<sip:a@1.2.3.4:99999>' }, '400', []],
    ['an INVITE with two Contacts', { contact: '<sip:a@10.0.0.2>, <sip:b@10.0.0.2>' }, '400', []],
    ['a required extension', { headers: ['Require: 100rel, foo'] }, '420', [['Unsupported', /^100rel, foo$/]]],
    ['an INVITE that takes no SDP in return', { headers: ['Accept: text/plain'] }, '406', []],
    ['an INVITE that takes nothing in return', { headers: ['Accept: '] }, '406', []],
    ['an INVITE that nobody takes', {}, '480', []],
    ['a dialog that is not there', { to: '<sip:1000@10.0.0.1>;tag=none' }, '481', []],
    ['BYE without a dialog', { method: 'BYE' }, '481', []],
    ['CANCEL of nothing', { method: 'CANCEL' }, '481', []],
  ];
  it.each(cases)('%s', async (_name, spec, status, headers) => {
    const lab = await openLab();
    await lab.send(write(spec));
    expect(lab.heard()).toEqual([status]);
    for (const [name, pattern] of headers) expect(lab.last().get(name)).toMatch(pattern);
    expect(lab.last().get('To')).toMatch(/;tag=\w+$/);
    await lab.endpoint.close();
    expect(lab.clock.pending).toBe(0);
  });

  it('415 with Accept, 483 for an INVITE without hops left, 505 for another version', async () => {
    const lab = await openLab();
    await lab.send(write({ callId: 'a', body: 'hello' }).replace('application/sdp', 'text/plain'));
    expect([lab.last().what, lab.last().get('Accept')]).toEqual(['415', 'application/sdp']);
    await lab.send(write({ callId: 'b', headers: ['Content-Encoding: gzip'], body: sdp }));
    expect([lab.last().what, lab.last().get('Accept-Encoding')]).toEqual(['415', 'identity']);
    await lab.send(write({ callId: 'c' }).replace('Max-Forwards: 70', 'Max-Forwards: 0'));
    expect(lab.last().what).toBe('483');
    await lab.send(write({ callId: 'd' }).replace(' SIP/2.0\r\n', ' SIP/7.0\r\n'));
    expect(lab.last().what).toBe('505');
    await lab.send(
      write({ callId: 'e', method: 'OPTIONS', contact: undefined }).replace('Max-Forwards: 70', 'Max-Forwards: 0'),
    );
    expect(lab.last().what).toBe('200');
  });

  it('482 for a request that comes by a second way, while the first one is handled', async () => {
    const { lab, invites } = await answering((invite) => invite.provisional(180));
    await lab.send(write({ branch: 'z9hG4bKone' }));
    await lab.send(write({ branch: 'z9hG4bKtwo' }));
    await lab.send(write({ branch: 'z9hG4bKone' }));
    expect(lab.heard()).toEqual(['180', '482', '180']);
    expect(invites).toHaveLength(1);
    expect(lab.endpoint.stats.counters).toMatchObject({ merged: 1, retransmissionsReceived: 1 });
  });

  it('503 with Retry-After when too many INVITEs wait', async () => {
    const { lab, invites } = await answering(() => {}, { maxPendingInvites: 1 });
    await lab.send(write({ callId: 'a' }));
    await lab.send(write({ callId: 'b' }));
    expect(lab.heard()).toEqual(['503']);
    expect(lab.last().get('Retry-After')).toMatch(/^\d+$/);
    invites[0]?.reject(486);
    await lab.send(write({ callId: 'c' }));
    expect([lab.heard(), invites.length]).toEqual([['503', '486'], 2]);
  });

  it('500 when the user throws, and the next call is served', async () => {
    const { lab } = await answering((invite) => {
      if (invite.request.headers.callId === 'bad') throw new Error('a bug');
      invite.reject(486);
    });
    await lab.send(write({ callId: 'bad' }));
    await lab.send(write({ callId: 'good' }));
    expect(lab.heard()).toEqual(['500', '486']);
    expect(lab.endpoint.stats.counters.internalErrors).toBe(1);
  });
});

describe('OPTIONS', () => {
  it('says what is allowed, accepted and supported', async () => {
    const lab = await openLab({ supported: ['timer'], methods: ['INFO', 'REFER'] });
    await lab.send(write({ method: 'OPTIONS' }));
    expect(lab.last().what).toBe('200');
    expect(lab.last().get('Allow')).toBe('INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, REFER');
    expect(lab.last().get('Accept')).toBe('application/sdp');
    expect(lab.last().get('Supported')).toBe('timer');
    expect(lab.last().get('Server')).toBe('Lab');
  });

  it('is answered as the user wants, inside a dialog too', async () => {
    const { lab, to } = await established();
    lab.endpoint.onOptions = () => ({ status: 486 });
    await lab.send(write({ method: 'OPTIONS', callId: 'other' }));
    expect(lab.last().what).toBe('486');
    await lab.send(write({ method: 'OPTIONS', to, seq: 2 }));
    expect(lab.last().what).toBe('486');
  });
});

describe('answering an INVITE', () => {
  it('sends 100 after 200 ms of silence and what the user says then', async () => {
    const { lab, invites } = await answering();
    await lab.send(write({ headers: ['Timestamp: 54'] }));
    await lab.clock.advance(200);
    expect(lab.heard()).toEqual(['100']);
    expect(lab.last().get('Timestamp')).toBe('54');
    expect(lab.last().get('To')).not.toContain('tag');
    invites[0]?.provisional(183, { contentType: 'application/sdp', body: Buffer.from(sdp) });
    await lab.clock.advance(0);
    expect(lab.last().what).toBe('183');
    expect(lab.last().text).toContain('m=audio');
    expect(lab.last().get('Contact')).toBe('<sip:1000@10.0.0.1:5060>');
  });

  it('answers to the sent-by port without rport, to the source port with it (RFC 3581)', async () => {
    const { lab } = await answering((invite) => invite.reject(486));
    const elsewhere: string[] = [];
    lab.peer.openUdp('sip', 5999, (bytes) => elsewhere.push(Buffer.from(bytes).toString('latin1')));
    await lab.send(write({ callId: 'a' }), 5999);
    expect([lab.heard(), elsewhere]).toEqual([['486'], []]);
    await lab.send(write({ callId: 'b', via: 'SIP/2.0/UDP 192.0.2.7:5070;rport;branch=z9hG4bKr' }), 5999);
    expect(elsewhere).toHaveLength(1);
    expect(read(elsewhere[0] ?? '').get('Via')).toBe(
      'SIP/2.0/UDP 192.0.2.7:5070;rport=5999;branch=z9hG4bKr;received=10.0.0.2',
    );
  });

  it('repeats the 200 from T1 up to T2 until the ACK comes', async () => {
    const { lab, invites } = await answering((invite) => invite.accept());
    const acks: number[] = [];
    await lab.send(write());
    (invites[0] as InviteServer).onAck = ({ headers }) => acks.push(headers.cseq.seq);
    const to = inDialog(lab);
    await lab.clock.advance(12_000);
    expect(lab.inbox.map(({ at }) => at)).toEqual([0, 500, 1500, 3500, 7500, 11_500]);
    await lab.send(write({ method: 'ACK', to }));
    await lab.send(write({ method: 'ACK', to }));
    await lab.clock.advance(40_000);
    expect(lab.inbox).toHaveLength(6);
    expect(acks).toEqual([1]);
    expect(lab.endpoint.stats).toMatchObject({ transactions: 0, dialogs: 1, timers: 0 });
  });

  it('tells the user when no ACK comes in 64·T1', async () => {
    const { lab, invites } = await answering((invite) => invite.accept());
    await lab.send(write());
    const invite = invites[0] as InviteServer;
    let timeout = -1;
    invite.onAckTimeout = () => {
      timeout = lab.clock.now();
    };
    await lab.clock.advance(40_000);
    expect(timeout).toBe(32_000);
    expect(lab.heard()).toEqual(Array.from({ length: 11 }, () => '200'));
  });

  it('copies Record-Route into the 200 and takes it as its route set', async () => {
    const { lab, invites } = await answering((invite) => invite.accept());
    const routes = ['Record-Route: <sip:p2.example.com;lr>', 'Record-Route: <sip:p1.example.com;lr>'];
    await lab.send(write({ headers: routes }));
    expect(lab.last().all('Record-Route')).toEqual(['<sip:p2.example.com;lr>', '<sip:p1.example.com;lr>']);
    expect(invites[0]?.dialog.routeSet).toEqual(['sip:p2.example.com;lr', 'sip:p1.example.com;lr']);
  });

  it('ends an INVITE whose user says nothing for timer C with 408', async () => {
    const { lab, invites } = await answering(undefined, { timers: { timerC: 60_000 } });
    await lab.send(write({ branch: 'z9hG4bKc' }));
    const cancels: unknown[] = [];
    (invites[0] as InviteServer).onCancel = (cancel) => cancels.push(cancel);
    await lab.clock.advance(60_000);
    expect(lab.heard()).toEqual(['100', '408']);
    expect(cancels).toEqual([undefined]);
    await lab.send(write({ method: 'ACK', branch: 'z9hG4bKc' }));
    await lab.clock.advance(5_000);
    expect(lab.endpoint.stats).toMatchObject({ transactions: 0, dialogs: 0, timers: 0 });
  });

  it('says each minute that it rings', async () => {
    const { lab, invites } = await answering((invite) => invite.provisional(180));
    await lab.send(write());
    await lab.clock.advance(190_000);
    expect(lab.inbox.map(({ what, at }) => [what, at])).toEqual([0, 60_000, 120_000, 180_000].map((at) => ['180', at]));
    invites[0]?.reject(486);
    await lab.clock.advance(0);
    expect(lab.last().what).toBe('486');
  });

  it('refuses line breaks in what the user wants to say and can still answer', async () => {
    const { lab, invites } = await answering();
    await lab.send(write());
    const invite = invites[0] as InviteServer;
    expect(() => invite.accept({ headers: [['X-User', 'a\r\nX-Injected: 1']] })).toThrow(/line break/);
    invite.reject(302, { headers: [['Contact', '<sip:other@example.com>']] });
    await lab.clock.advance(0);
    expect(lab.heard()).toEqual(['302']);
    expect(lab.last().get('Contact')).toBe('<sip:other@example.com>');
  });
});

describe('CANCEL', () => {
  it('is answered 200 with the tag of the INVITE, which gets 487; the user is told and its answer is dropped', async () => {
    const { lab, invites } = await answering((invite) => invite.provisional(180));
    await lab.send(write({ branch: 'z9hG4bKx' }));
    const invite = invites[0] as InviteServer;
    const reasons: unknown[] = [];
    invite.onCancel = (cancel) => reasons.push(cancel?.headers.other.get('reason'));
    await lab.send(write({ method: 'CANCEL', branch: 'z9hG4bKx', headers: ['Reason: SIP;cause=200'] }));
    invite.accept();
    await lab.clock.advance(0);
    expect(lab.heard()).toEqual(['180', '200', '487']);
    expect(new Set(lab.inbox.map((message) => message.get('To'))).size).toBe(1);
    expect(lab.inbox.map((message) => message.get('CSeq'))).toEqual(['1 INVITE', '1 CANCEL', '1 INVITE']);
    expect(reasons).toEqual([['SIP;cause=200']]);
    expect(invite.cancelled).toBe(true);
    expect(lab.endpoint.stats.dialogs).toBe(0);
    await lab.send(write({ method: 'ACK', branch: 'z9hG4bKx' }));
    await lab.clock.advance(32_000);
    expect(lab.endpoint.stats).toMatchObject({ transactions: 0, timers: 0 });
  });

  it('that crosses the 200 changes nothing', async () => {
    const { lab, invites } = await answering((invite) => invite.accept());
    await lab.send(write({ branch: 'z9hG4bKx' }));
    const invite = invites[0] as InviteServer;
    let told = false;
    invite.onCancel = () => {
      told = true;
    };
    await lab.send(write({ method: 'CANCEL', branch: 'z9hG4bKx' }));
    expect(lab.inbox.map((message) => message.get('CSeq'))).toEqual(['1 INVITE', '1 CANCEL']);
    expect(lab.last().what).toBe('200');
    expect([told, invite.cancelled, invite.dialog.state]).toEqual([false, false, 'confirmed']);
  });

  it('of a re-INVITE leaves the dialog as it is', async () => {
    const { lab, dialog, to } = await established();
    let cancelled = false;
    dialog.onRequest = (request) => {
      request.onCancelled = () => {
        cancelled = true;
      };
    };
    await lab.send(write({ to, seq: 2, branch: 'z9hG4bKre' }));
    await lab.send(write({ method: 'CANCEL', to, seq: 2, branch: 'z9hG4bKre' }));
    expect(lab.heard().slice(1)).toEqual(['200', '487']);
    expect([cancelled, dialog.state]).toEqual([true, 'confirmed']);
  });

  it('early BYE ends the INVITE as well', async () => {
    const { lab, invites } = await answering((invite) => invite.provisional(180));
    await lab.send(write());
    const cancels: unknown[] = [];
    (invites[0] as InviteServer).onCancel = (by) => cancels.push(by?.method);
    await lab.send(write({ method: 'BYE', to: inDialog(lab), seq: 2 }));
    expect(lab.inbox.map((message) => `${message.what} ${message.get('CSeq')}`)).toEqual([
      '180 1 INVITE',
      '200 2 BYE',
      '487 1 INVITE',
    ]);
    expect(cancels).toEqual(['BYE']);
    expect(lab.endpoint.stats.dialogs).toBe(0);
  });
});

describe('requests inside a dialog', () => {
  it('BYE is answered, the user is told once, and everything is freed', async () => {
    const { lab, dialog, to } = await established();
    const ends: string[] = [];
    dialog.onEnd = ({ by, request }) => ends.push(`${by} ${request?.method}`);
    await lab.send(write({ method: 'BYE', to, seq: 2, branch: 'z9hG4bKb' }));
    await lab.send(write({ method: 'BYE', to, seq: 2, branch: 'z9hG4bKb' }));
    expect(lab.heard()).toEqual(['200', '200', '200']);
    expect(ends).toEqual(['remote BYE']);
    expect([dialog.state, lab.endpoint.stats.dialogs]).toEqual(['terminated', 0]);
    await lab.send(write({ method: 'BYE', to, seq: 3 }));
    expect(lab.last().what).toBe('481');
    await lab.clock.advance(32_000);
    expect(lab.endpoint.stats).toMatchObject({ transactions: 0, timers: 0 });
    expect(lab.clock.pending).toBe(0);
  });

  it('BYE right behind the ACK, or even without it, leaves nothing waiting', async () => {
    for (const withAck of [true, false]) {
      const { lab, invites } = await answering((invite) => invite.accept());
      await lab.send(write());
      const to = inDialog(lab);
      let timeouts = 0;
      (invites[0] as InviteServer).onAckTimeout = () => timeouts++;
      if (withAck) lab.deliver(write({ method: 'ACK', to }));
      lab.deliver(write({ method: 'BYE', to, seq: 2 }));
      await lab.clock.advance(40_000);
      expect(lab.heard()).toEqual(['200', '200']);
      expect(timeouts).toBe(0);
      expect(lab.endpoint.stats).toMatchObject({ transactions: 0, dialogs: 0, timers: 0 });
    }
  });

  it('are answered 500 with Retry-After when their number went back', async () => {
    const { lab, dialog, to } = await established();
    const seen: number[] = [];
    dialog.onRequest = (request) => {
      seen.push(request.request.headers.cseq.seq);
      request.respond(200);
    };
    await lab.send(write({ method: 'INFO', to, seq: 10 }));
    await lab.send(write({ method: 'INFO', to, seq: 9 }));
    expect(lab.heard().slice(-2)).toEqual(['200', '500']);
    expect(lab.last().get('Retry-After')).toMatch(/^\d+$/);
    expect(seen).toEqual([10]);
    expect(dialog.remoteSeq).toBe(10);
  });

  it('are 405 for unknown methods, 501 and 488 when nobody handles them', async () => {
    const { lab, to } = await established();
    await lab.send(write({ method: 'REFER', to, seq: 2 }));
    await lab.send(write({ method: 'INFO', to, seq: 3 }));
    await lab.send(write({ to, seq: 4 }));
    expect(lab.heard().slice(1)).toEqual(['405', '501', '488']);
  });

  it('re-INVITE refreshes the target, and its 200 waits for its ACK', async () => {
    const { lab, dialog, to } = await established();
    const acks: number[] = [];
    dialog.onRequest = (request) => {
      request.onAck = ({ headers }) => acks.push(headers.cseq.seq);
      request.respond(200, { contentType: 'application/sdp', body: Buffer.from(sdp) });
    };
    await lab.send(write({ to, seq: 2, contact: '<sip:moved@10.0.0.2:5070>', body: sdp }));
    expect(dialog.remoteTarget).toBe('sip:moved@10.0.0.2:5070');
    await lab.clock.advance(600);
    expect(lab.heard()).toEqual(['200', '200', '200']);
    await lab.send(write({ method: 'ACK', to, seq: 2 }));
    await lab.clock.advance(40_000);
    expect(lab.inbox).toHaveLength(3);
    expect(acks).toEqual([2]);
  });

  it('re-INVITE without ACK ends the call with BYE', async () => {
    const { lab, dialog, to } = await established();
    const ends: string[] = [];
    dialog.onEnd = ({ by }) => ends.push(by);
    dialog.onRequest = (request) => request.respond(200);
    await lab.send(write({ to, seq: 2 }));
    await lab.clock.advance(32_000);
    expect(lab.last().what).toBe('BYE');
    expect(ends).toEqual(['timeout']);
    await lab.send(reply(lab.last(), 200));
    await lab.clock.advance(5_000);
    expect(lab.endpoint.stats).toMatchObject({ dialogs: 0, transactions: 0 });
  });

  it('re-INVITE gets 500 while another of the peer waits, 491 while ours does or an ACK is missing', async () => {
    const { lab, dialog, to } = await established();
    let pending: { respond(status: number): void } | undefined;
    dialog.onRequest = (request) => {
      pending = request;
    };
    await lab.send(write({ to, seq: 2 }));
    await lab.send(write({ to, seq: 3 }));
    expect(lab.last().what).toBe('500');
    expect(lab.last().get('Retry-After')).toMatch(/^\d+$/);
    expect((await dialog.request('INVITE')).status).toBe(491);
    pending?.respond(200);
    await lab.send(write({ to, seq: 4 }));
    expect(lab.last().what).toBe('491');
    await lab.send(write({ method: 'ACK', to, seq: 2 }));

    const ours = dialog.request('INVITE', { contentType: 'application/sdp', body: Buffer.from(sdp) });
    await lab.clock.advance(0);
    const invite = lab.last();
    expect(invite.what).toBe('INVITE');
    await lab.send(write({ to, seq: 5 }));
    expect(lab.last().what).toBe('491');
    await lab.send(reply(invite, 491));
    expect((await ours).status).toBe(491);
    expect(lab.last().what).toBe('ACK');
    expect(dialog.state).toBe('confirmed');
  });

  it('of our own carry the dialog: tags, numbers, target; 408 and 481 end it', async () => {
    const { lab, dialog } = await established();
    const info = dialog.request('INFO', { headers: [['X-Number', '1']] });
    await lab.clock.advance(0);
    const request = lab.last();
    expect(request.text.split('\r\n')[0]).toBe('INFO sip:phone@10.0.0.2:5070 SIP/2.0');
    expect(request.get('From')).toBe(`<sip:1000@10.0.0.1>;tag=${dialog.localTag}`);
    expect(request.get('To')).toBe('<sip:phone@10.0.0.2>;tag=phone');
    expect([request.get('CSeq'), request.get('X-Number')]).toEqual(['1 INFO', '1']);
    await lab.send(reply(request, 200));
    expect((await info).status).toBe(200);

    const ends: string[] = [];
    dialog.onEnd = ({ by, response }) => ends.push(`${by} ${response?.status}`);
    const second = dialog.request('INFO');
    await lab.clock.advance(0);
    await lab.send(reply(lab.last(), 481));
    expect((await second).status).toBe(481);
    expect(ends).toEqual(['error 481']);
    expect(lab.endpoint.stats.dialogs).toBe(0);
    expect((await dialog.request('INFO')).status).toBe(481);
  });

  it('our BYE before the ACK waits for it (RFC 3261 §15), and a BYE that crosses ours gets its 200', async () => {
    const { lab, invites } = await answering((invite) => invite.accept());
    await lab.send(write());
    const to = inDialog(lab);
    const { dialog } = invites[0] as InviteServer;
    const ends: string[] = [];
    dialog.onEnd = ({ by }) => ends.push(by);
    const bye = dialog.bye([['Reason', 'SIP;cause=200']]);
    await lab.clock.advance(400);
    expect(lab.heard()).toEqual(['200']);
    await lab.send(write({ method: 'ACK', to }));
    const ours = lab.last();
    expect([ours.what, ours.get('Reason')]).toEqual(['BYE', 'SIP;cause=200']);
    await lab.send(write({ method: 'BYE', to, seq: 2 }));
    expect(lab.last().what).toBe('200');
    await lab.send(reply(ours, 200));
    await bye;
    await dialog.bye();
    expect(lab.heard()).toEqual(['200', 'BYE', '200']);
    expect(ends).toHaveLength(1);
    expect(lab.endpoint.stats.dialogs).toBe(0);
  });

  it('gives its state as plain data', async () => {
    const { dialog } = await established();
    expect(structuredClone(dialog.snapshot())).toEqual({
      version: 1,
      role: 'uas',
      state: 'confirmed',
      callId: 'call-1',
      localTag: dialog.localTag,
      remoteTag: 'phone',
      local: '<sip:1000@10.0.0.1>',
      remote: '<sip:phone@10.0.0.2>',
      remoteTarget: 'sip:phone@10.0.0.2:5070',
      routeSet: [],
      localSeq: 0,
      remoteSeq: 1,
      contact: ['<sip:1000@10.0.0.1:5060>'],
      byFlow: false,
      allowed: [],
      flow: { transport: 'udp', address: '10.0.0.2', port: 5070, listener: { host: '10.0.0.1', port: 5060 } },
      credentials: undefined,
      answer: undefined,
      accepted: undefined,
      ack: undefined,
    });
  });
});

describe('requests outside a dialog', () => {
  it('go to onRequest, whose answer is repeated for copies', async () => {
    const lab = await openLab({ outsideMethods: ['REGISTER'] });
    const seen: string[] = [];
    lab.endpoint.onRequest = (request) => {
      seen.push(`${request.request.method} from ${request.flow.address}:${request.flow.port}`);
      request.respond(200, { headers: [['Expires', '60']] });
      request.respond(500);
    };
    const register = write({ method: 'REGISTER', uri: 'sip:10.0.0.1' });
    await lab.send(register);
    await lab.send(register);
    expect(seen).toEqual(['REGISTER from 10.0.0.2:5070']);
    expect(lab.heard()).toEqual(['200', '200']);
    expect(lab.last().get('Expires')).toBe('60');
    expect(lab.last().get('To')).toContain(';tag=');
  });

  it('are 405 where nobody takes them, 480 where nobody answers, 500 when the handler throws', async () => {
    const lab = await openLab({ outsideMethods: ['MESSAGE'] });
    await lab.send(write({ method: 'REGISTER' }));
    await lab.send(write({ method: 'MESSAGE', seq: 2 }));
    lab.endpoint.onRequest = () => {
      throw new Error('broken');
    };
    await lab.send(write({ method: 'MESSAGE', seq: 3 }));
    expect(lab.heard()).toEqual(['405', '480', '500']);
    expect(lab.endpoint.stats.transactions).toBe(3);
  });
});

describe('close', () => {
  it('is idempotent, tells the users of dialogs and leaves no timer', async () => {
    const { lab, dialog } = await established();
    const ends: string[] = [];
    dialog.onEnd = ({ by }) => ends.push(by);
    const info = dialog.request('INFO');
    await Promise.all([lab.endpoint.close(), lab.endpoint.close()]);
    await lab.endpoint.close();
    expect((await info).status).toBe(503);
    expect(ends).toEqual(['error']);
    expect(lab.endpoint.stats).toMatchObject({ transactions: 0, dialogs: 0, timers: 0 });
    await lab.clock.advance(0); // what is under way arrives
    expect(lab.clock.pending).toBe(0);
    await lab.send(write({ callId: 'late' }));
    expect(lab.heard()).not.toContain('480');
  });
});
