import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import type { InviteOptions } from '../../src/sip/endpoint.ts';
import { seededRandom } from '../../src/testing/index.ts';
import { address, type Lab, openLab, type Received, read, reply, sdp, write } from './lab.ts';

const call: InviteOptions = {
  uri: 'sip:peer@10.0.0.2:5070',
  from: address('sip:me@10.0.0.1'),
  to: address('sip:peer@10.0.0.2'),
  contactUser: 'me',
  contentType: 'application/sdp',
  body: Buffer.from(sdp),
};

/** An INVITE of ours that the peer has heard. */
async function calling(options: Partial<InviteOptions> = {}, labOptions = {}) {
  const lab = await openLab(labOptions);
  const client = lab.endpoint.invite({ ...call, ...options });
  await lab.clock.advance(0);
  return { lab, client, invite: lab.last() };
}

async function idle(lab: Lab): Promise<void> {
  await lab.clock.advance(64_000);
  expect(lab.endpoint.stats).toMatchObject({ transactions: 0, dialogs: 0, timers: 0 });
  expect(lab.clock.pending).toBe(0);
}

describe('an INVITE of ours', () => {
  it('goes out as RFC 3261 §8.1.1 wants it', async () => {
    const { client, invite } = await calling({ headers: [['X-Id', '7']], maxForwards: 12 });
    expect(invite.text.split('\r\n')[0]).toBe('INVITE sip:peer@10.0.0.2:5070 SIP/2.0');
    expect(invite.get('Via')).toMatch(/^SIP\/2\.0\/UDP 10\.0\.0\.1:5060;branch=z9hG4bK[0-9a-f]{20};rport$/);
    expect(invite.get('From')).toBe(`<sip:me@10.0.0.1>;tag=${client.localTag}`);
    expect(invite.get('To')).toBe('<sip:peer@10.0.0.2>');
    expect(invite.get('Contact')).toBe('<sip:me@10.0.0.1:5060>');
    expect(invite.get('Max-Forwards')).toBe('12');
    expect(invite.get('CSeq')).toBe('1 INVITE');
    expect(invite.get('X-Id')).toBe('7');
    expect(invite.get('User-Agent')).toBe('Lab');
    expect(invite.get('Call-ID')).toBe(client.callId);
  });

  it('rings with its early dialog, is answered, acknowledged and ended', async () => {
    const { lab, client, invite } = await calling();
    const heard: string[] = [];
    client.onProvisional = ({ status }, dialog) => heard.push(`${status} ${dialog?.state}`);
    await lab.send(reply(invite, 100));
    await lab.send(reply(invite, 183));
    await lab.send(reply(invite, 200, { headers: ['Record-Route: <sip:p1@10.0.0.2:5070;lr>, <sip:p2@10.0.0.9;lr>'] }));
    const { response, dialog, local } = await client.final;
    expect([response.status, local, heard]).toEqual([200, false, ['183 early']]);
    if (!dialog) throw new Error('no dialog');
    expect(dialog.routeSet).toEqual(['sip:p2@10.0.0.9;lr', 'sip:p1@10.0.0.2:5070;lr']);
    expect([dialog.state, dialog.remoteTarget, dialog.role]).toEqual(['confirmed', 'sip:peer@10.0.0.2:5070', 'uac']);
    dialog.ack();
    dialog.ack();
    await lab.clock.advance(0);
    // The route set of the caller is that of the 200, reversed: the first hop is not the peer of this lab.
    expect(lab.heard()).toEqual(['INVITE']);
    void dialog.bye();
    await idle(lab);
  });

  it('acknowledges each copy of the 200 with the same ACK', async () => {
    const { lab, client, invite } = await calling();
    const ok = reply(invite, 200);
    await lab.send(ok);
    (await client.final).dialog?.ack({ headers: [['X-A', '1']] });
    await lab.send(ok);
    await lab.send(ok);
    const acks = lab.inbox.filter(({ what }) => what === 'ACK');
    expect(acks).toHaveLength(3);
    expect(new Set(acks.map(({ text }) => text)).size).toBe(1);
    expect(acks[0]?.get('CSeq')).toBe('1 ACK');
    expect(acks[0]?.get('Via')).not.toBe(invite.get('Via'));
    const bye = (await client.final).dialog?.bye();
    await lab.clock.advance(0);
    await lab.send(reply(lab.last(), 200));
    await bye;
    await idle(lab);
  });

  it('follows a route set, loose and strict', async () => {
    for (const [route, uri, sent] of [
      ['<sip:p1@10.0.0.2:5070;lr>', 'sip:peer@10.0.0.7', ['<sip:p1@10.0.0.2:5070;lr>']],
      ['<sip:p1@10.0.0.2:5070>', 'sip:p1@10.0.0.2:5070', ['<sip:peer@10.0.0.7>']],
    ] as const) {
      const { lab, client, invite } = await calling();
      await lab.send(reply(invite, 200, { headers: [`Record-Route: ${route}`], contact: '<sip:peer@10.0.0.7>' }));
      (await client.final).dialog?.ack();
      await lab.clock.advance(0);
      expect(lab.last().text.split('\r\n')[0]).toBe(`ACK ${uri} SIP/2.0`);
      expect(lab.last().all('Route')).toEqual(sent);
    }
  });

  it('goes by way of a pre-loaded route', async () => {
    const { lab, client, invite } = await calling({ uri: 'sip:b@far.example.com', route: ['sip:10.0.0.2:5070'] });
    expect(invite.text.split('\r\n')[0]).toBe('INVITE sip:b@far.example.com SIP/2.0');
    expect(invite.get('Route')).toBe('<sip:10.0.0.2:5070;lr>');
    await lab.send(reply(invite, 404));
    expect((await client.final).response.status).toBe(404);
    expect([lab.last().what, lab.last().get('Route')]).toEqual(['ACK', '<sip:10.0.0.2:5070;lr>']);
  });

  it('takes the first of two forks and ends the other with ACK and BYE', async () => {
    const { lab, client, invite } = await calling();
    await lab.send(reply(invite, 180, { tag: 'one' }));
    await lab.send(reply(invite, 180, { tag: 'two' }));
    expect(lab.endpoint.stats.dialogs).toBe(2);
    await lab.send(reply(invite, 200, { tag: 'two' }));
    const { dialog } = await client.final;
    expect(dialog?.remoteTag).toBe('two');
    dialog?.ack();
    await lab.send(reply(invite, 200, { tag: 'one' }));
    const [ack, bye] = lab.inbox.slice(-2);
    expect([ack?.what, bye?.what]).toEqual(['ACK', 'BYE']);
    expect([ack?.get('To'), bye?.get('To')]).toEqual(Array.from({ length: 2 }, () => '<sip:peer@10.0.0.2>;tag=one'));
    expect(dialog?.state).toBe('confirmed');
    const ours = dialog?.bye();
    await lab.clock.advance(0);
    for (const message of lab.inbox.filter(({ what }) => what === 'BYE')) await lab.send(reply(message, 200));
    await ours;
    await idle(lab);
  });

  it('keeps no more dialogs than 64 for the tags that a peer invents, and still takes the first 2xx', async () => {
    const { lab, client, invite } = await calling();
    let [rung, withDialog] = [0, 0];
    client.onProvisional = (_response, dialog) => {
      rung++;
      if (dialog) withDialog++;
    };
    for (let n = 0; n < 100; n++) lab.deliver(reply(invite, 180, { tag: `fork${n}` }));
    expect([rung, withDialog, lab.endpoint.stats.dialogs]).toEqual([100, 64, 64]);
    await lab.send(reply(invite, 200, { tag: 'late' }));
    const { dialog } = await client.final;
    expect(dialog?.remoteTag).toBe('late');
    dialog?.ack();
    for (let n = 0; n < 100; n++) lab.deliver(reply(invite, 200, { tag: `second${n}` }));
    expect(lab.endpoint.stats.dialogs).toBe(65);
    void dialog?.bye();
    await lab.clock.advance(64_000);
    await idle(lab);
  });

  it('hands over what the peer says right behind its 200', async () => {
    const { lab, client, invite } = await calling();
    const info = [
      'INFO sip:me@10.0.0.1:5060 SIP/2.0',
      'Via: SIP/2.0/UDP 10.0.0.2:5070;branch=z9hG4bKinfo',
      `From: ${invite.get('To')};tag=peer`,
      `To: ${invite.get('From')}`,
      `Call-ID: ${invite.get('Call-ID')}`,
      'CSeq: 1 INFO',
      'Content-Length: 0',
      '\r\n',
    ].join('\r\n');
    const bye = info.replaceAll('INFO', 'BYE').replace('CSeq: 1', 'CSeq: 2').replace('z9hG4bKinfo', 'z9hG4bKbye');
    for (const text of [reply(invite, 200), info, bye]) lab.deliver(text);
    const { dialog } = await client.final;
    await null;
    if (!dialog) throw new Error('no dialog');
    dialog.ack();
    const seen: string[] = [];
    dialog.onRequest = (request) => {
      seen.push(request.request.method);
      request.respond(200);
    };
    dialog.onEnd = ({ by }) => seen.push(by);
    await lab.clock.advance(0);
    expect(seen).toEqual(['INFO', 'remote']);
    expect(lab.heard().sort()).toEqual(['200', '200', 'ACK', 'INVITE']);
  });
});

describe('CANCEL of ours', () => {
  it('is held back until a provisional response, has the branch of the INVITE, and ends with 487', async () => {
    const { lab, client, invite } = await calling();
    client.cancel([['Reason', 'SIP;cause=200']]);
    client.cancel();
    await lab.clock.advance(100);
    expect(lab.heard()).toEqual(['INVITE']);
    await lab.send(reply(invite, 180));
    const cancel = lab.last();
    expect([cancel.what, cancel.get('Via'), cancel.get('CSeq')]).toEqual(['CANCEL', invite.get('Via'), '1 CANCEL']);
    expect(cancel.get('Reason')).toBe('SIP;cause=200');
    expect(cancel.get('To')).toBe(invite.get('To'));
    await lab.send(reply(cancel, 200));
    await lab.send(reply(invite, 487));
    const { response, dialog, local } = await client.final;
    expect([response.status, dialog, local]).toEqual([487, undefined, false]);
    expect(lab.last().what).toBe('ACK');
    await idle(lab);
  });

  it('that crosses a 200 ends that call with ACK and BYE and reports 487', async () => {
    const { lab, client, invite } = await calling();
    await lab.send(reply(invite, 180));
    client.cancel();
    await lab.send(reply(invite, 200));
    const { response, dialog, local } = await client.final;
    expect([response.status, dialog, local]).toEqual([487, undefined, true]);
    expect(lab.heard()).toEqual(['INVITE', 'CANCEL', 'ACK', 'BYE']);
    await lab.send(reply(lab.last(), 200));
    await idle(lab);
  });

  it('that nobody answers ends after 64·T1', async () => {
    const { lab, client, invite } = await calling();
    await lab.send(reply(invite, 180));
    client.cancel();
    await lab.clock.advance(32_000);
    expect(await client.final).toMatchObject({ response: { status: 487 }, local: true });
    await idle(lab);
  });

  it('of an INVITE that has not gone out yet ends at once', async () => {
    const lab = await openLab({ resolver: { lookup: () => new Promise(() => {}) } });
    const client = lab.endpoint.invite({ ...call, uri: 'sip:peer@slow.example.com' });
    client.cancel();
    expect(await client.final).toMatchObject({ response: { status: 487 }, local: true });
    expect(lab.endpoint.stats).toMatchObject({ transactions: 0, dialogs: 0, timers: 0 });
  });
});

describe('responses that nobody sent', () => {
  it('408 when the peer is silent, with all the retransmissions before', async () => {
    const { lab, client } = await calling();
    await lab.clock.advance(32_000);
    expect(await client.final).toMatchObject({ response: { status: 408 }, dialog: undefined, local: true });
    expect(lab.inbox.map(({ at }) => at)).toEqual([0, 500, 1500, 3500, 7500, 15_500, 31_500]);
    expect(lab.clock.pending).toBe(0);
  });

  it('408 after timer C, with a CANCEL', async () => {
    const { lab, client, invite } = await calling({}, { timers: { timerC: 60_000 } });
    await lab.send(reply(invite, 180));
    await lab.clock.advance(60_000);
    expect(lab.last().what).toBe('CANCEL');
    await lab.send(reply(invite, 487));
    expect(await client.final).toMatchObject({ response: { status: 408 }, local: true });
    await idle(lab);
  });

  it.each([
    ['sips:peer@10.0.0.2', 503],
    ['sips:peer@10.0.0.2;transport=udp', 503],
    ['tel:+4930123456', 416],
    ['mailto:peer@example.com', 416],
    ['sip:peer@10.0.0.2:99999', 416],
    ['sip:peer@10.0.0.2;transport=sctp', 503],
    ['sip:peer@10.0.0.2;transport=tcp', 503],
    ['sip:peer@[2001:db8::1]', 503],
    ['sip:peer@no.such.name', 503],
    ['sip:peer@10.9.9.9', 503],
  ])('%s → %i', async (uri, status) => {
    const lab = await openLab();
    const client = lab.endpoint.invite({ ...call, uri });
    const other = lab.endpoint.request({ ...call, uri, method: 'OPTIONS' });
    await lab.clock.advance(1000);
    expect(await client.final).toMatchObject({ response: { status }, dialog: undefined, local: true });
    expect((await other).status).toBe(status);
    await idle(lab);
  });

  it('goes on to the next address of a name when the first one cannot be reached', async () => {
    const lab = await openLab({
      resolver: {
        lookup: async () => [
          { address: '2001:db8::1', family: 6 },
          { address: '10.9.9.9', family: 4 },
          { address: '10.0.0.2', family: 4 },
        ],
      },
    });
    const client = lab.endpoint.invite({ ...call, uri: 'sip:peer@example.com:5070' });
    await lab.clock.advance(0);
    await lab.send(reply(lab.last(), 486));
    expect(await client.final).toMatchObject({ response: { status: 486 }, local: false });
  });

  describe('a domain with two servers (RFC 3263 §4.3)', () => {
    const uri = 'sip:peer@example.com';
    const open = async (first = 5070) => {
      const servers = [first, 5072].map((port, priority) => ({ name: 'sip.example.com', port, priority, weight: 0 }));
      const lab = await openLab({
        resolver: {
          srv: async (name) => (name === '_sip._udp.example.com' ? servers : []),
          lookup: async () => [{ address: '10.0.0.2', family: 4 }],
        },
      });
      const second: Received[] = [];
      lab.peer.openUdp('sip', 5072, (bytes) => second.push(read(Buffer.from(bytes).toString('latin1'))));
      return { lab, second };
    };

    it('leaves a call to the second when the first has no room (503), and the call is the same', async () => {
      const { lab, second } = await open();
      const client = lab.endpoint.invite({ ...call, uri });
      await lab.clock.advance(0);
      const invite = lab.last();
      await lab.send(reply(invite, 503));
      const again = second.at(-1) as Received;
      for (const name of ['Call-ID', 'CSeq', 'From', 'To']) expect(again.get(name)).toBe(invite.get(name));
      expect(again.get('Via')).not.toBe(invite.get('Via'));
      await lab.send(reply(again, 200), 5072);
      const { dialog, local } = await client.final;
      expect([local, dialog?.state]).toEqual([false, 'confirmed']);
    });

    it('and when the first says nothing', async () => {
      const { lab, second } = await open();
      const asked = lab.endpoint.request({ ...call, uri, method: 'OPTIONS' });
      await lab.clock.advance(32_000);
      await lab.send(reply(second.at(-1) as Received, 200), 5072);
      expect((await asked).status).toBe(200);
    });

    it('sooner than that if it is told how long to wait, and 100 is a sign of life', async () => {
      const { lab, second } = await open();
      const client = lab.endpoint.invite({ ...call, uri, responseTimeout: 4_000 });
      await lab.clock.advance(4_000);
      const again = second.at(-1) as Received;
      await lab.send(reply(again, 100), 5072);
      await lab.clock.advance(60_000);
      expect(second).toHaveLength(1);
      await lab.send(reply(again, 486), 5072);
      expect(await client.final).toMatchObject({ response: { status: 486 }, local: false });
      const silent = lab.endpoint.exchange({ ...call, uri, method: 'OPTIONS', responseTimeout: 4_000 });
      await lab.clock.advance(8_000);
      expect(await silent).toMatchObject({ response: { status: 408 }, local: true });
      await idle(lab);
    });

    it('says 503 when the last one says it, and 408 when the last one is silent', async () => {
      const { lab, second } = await open();
      const asked = lab.endpoint.request({ ...call, uri, method: 'OPTIONS' });
      await lab.clock.advance(0);
      await lab.send(reply(lab.last(), 503));
      await lab.send(reply(second.at(-1) as Received, 503), 5072);
      expect((await asked).status).toBe(503);
      const client = lab.endpoint.invite({ ...call, uri });
      await lab.clock.advance(64_000);
      expect(await client.final).toMatchObject({ response: { status: 408 }, local: true });
      await idle(lab);
    });

    it('does not call the second one for a caller who has hung up', async () => {
      const { lab, second } = await open();
      const client = lab.endpoint.invite({ ...call, uri });
      await lab.clock.advance(0);
      client.cancel();
      await lab.clock.advance(64_000);
      expect(await client.final).toMatchObject({ response: { status: 487 } });
      expect(second).toEqual([]);
      await idle(lab);
    });
  });

  it('throws at once for what would break a line', async () => {
    const lab = await openLab();
    const headers = [['X-User', 'a\r\nContact: <sip:evil@example.com>']] as const;
    expect(() => lab.endpoint.invite({ ...call, headers })).toThrow(
      expect.objectContaining({ code: 'ERR_HEADER_INJECTION' }),
    );
    expect(() => lab.endpoint.invite({ ...call, uri: 'sip:a@name.example.com', headers })).toThrow(/line break/);
    expect(lab.endpoint.stats).toMatchObject({ transactions: 0, timers: 0 });
  });
});

describe('digest', () => {
  const credentials = { username: 'me', password: 'secret' };
  const challenge = (nonce: string, more = '') =>
    `WWW-Authenticate: Digest realm="lab", nonce="${nonce}", algorithm=MD5, qop="auth"${more}`;

  it('answers a challenge once, with the next number, and shows the same credentials in the ACK', async () => {
    const { lab, client, invite } = await calling({ credentials });
    await lab.send(reply(invite, 401, { headers: [challenge('n1')] }));
    const second = lab.last();
    expect(lab.heard()).toEqual(['INVITE', 'ACK', 'INVITE']);
    expect([second.get('CSeq'), second.get('Call-ID')]).toEqual(['2 INVITE', invite.get('Call-ID')]);
    expect(second.get('Authorization')).toMatch(
      /^Digest username="me", realm="lab", nonce="n1", uri="sip:peer@10\.0\.0\.2:5070"/,
    );
    expect(second.get('Via')).not.toBe(invite.get('Via'));
    await lab.send(reply(second, 200));
    const { dialog } = await client.final;
    dialog?.ack();
    await lab.clock.advance(0);
    expect(lab.last().get('Authorization')).toBe(second.get('Authorization'));
    expect(lab.last().get('CSeq')).toBe('2 ACK');

    const bye = dialog?.bye();
    await lab.clock.advance(0);
    await lab.send(reply(lab.last(), 401, { headers: [challenge('n2')] }));
    expect([lab.last().what, lab.last().get('CSeq')]).toEqual(['BYE', '4 BYE']);
    await lab.send(reply(lab.last(), 200));
    await bye;
    await idle(lab);
  });

  it('gives a refusal back when the answer was wrong, tries again when the nonce was stale', async () => {
    const { lab, client, invite } = await calling({ credentials });
    await lab.send(reply(invite, 401, { headers: [challenge('n1')] }));
    await lab.send(reply(lab.last(), 401, { headers: [challenge('n2', ', stale=true')] }));
    expect(lab.last().get('CSeq')).toBe('3 INVITE');
    await lab.send(reply(lab.last(), 401, { headers: [challenge('n3')] }));
    expect((await client.final).response.status).toBe(401);
    expect(lab.heard().filter((what) => what === 'INVITE')).toHaveLength(3);
    await idle(lab);
  });

  it('gives 401 back without credentials or without a challenge that can be answered', async () => {
    const first = await calling();
    await first.lab.send(reply(first.invite, 401, { headers: [challenge('n1')] }));
    expect((await first.client.final).response.status).toBe(401);
    const second = await calling({ credentials });
    await second.lab.send(reply(second.invite, 401));
    expect((await second.client.final).response.status).toBe(401);
  });

  it('works outside dialogs and for proxies', async () => {
    const lab = await openLab();
    const answer = lab.endpoint.request({ ...call, method: 'OPTIONS', credentials });
    await lab.clock.advance(0);
    await lab.send(reply(lab.last(), 407, { headers: [challenge('n1').replace('WWW', 'Proxy')] }));
    expect(lab.last().get('Proxy-Authorization')).toContain('nonce="n1"');
    await lab.send(reply(lab.last(), 200));
    expect((await answer).status).toBe(200);
  });
});

describe('an exchange', () => {
  it('tells what was sent and by which way, with the numbers and the Contact that it was given', async () => {
    const lab = await openLab();
    let seq = 41;
    const contactParams = { 'reg-id': '1' };
    const answer = lab.endpoint.exchange({ ...call, method: 'REGISTER', nextSeq: () => ++seq, contactParams });
    await lab.clock.advance(0);
    expect(lab.last().get('CSeq')).toBe('42 REGISTER');
    expect(lab.last().get('Contact')).toBe('<sip:me@10.0.0.1:5060>;reg-id=1');
    await lab.send(reply(lab.last(), 200));
    const { request, flow, local } = await answer;
    expect([request.headers.cseq.seq, flow?.address, flow?.port, local]).toEqual([42, '10.0.0.2', 5070, false]);
  });
});

describe('stray messages', () => {
  it('are counted and dropped', async () => {
    const { lab, invite } = await calling();
    await lab.send(reply(invite, 200).replace(/branch=[^;\r]+/, 'branch=z9hG4bKother'));
    await lab.send(reply(invite, 200).replace('10.0.0.1:5060', '10.0.0.5:5060'));
    await lab.send(
      'ACK sip:x@10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.2:5070;branch=z9hG4bKa\r\nFrom: <sip:a@b>;tag=a\r\nTo: <sip:x@b>;tag=b\r\nCall-ID: z\r\nCSeq: 1 ACK\r\nContent-Length: 0\r\n\r\n',
    );
    expect(lab.endpoint.stats.counters).toMatchObject({ strayResponses: 2, strayAcks: 1 });
    expect(lab.heard()).toEqual(['INVITE']);
  });
});

describe('the transaction of an INVITE that is over', () => {
  it('keeps nothing of its user while it waits for copies of the 2xx', async () => {
    const { lab, client, invite } = await calling();
    const call = listens(client);
    await lab.send(reply(invite, 183));
    await lab.send(reply(invite, 200));
    const { dialog } = await client.final;
    if (!dialog) throw new Error('no dialog');
    dialog.ack();
    await lab.clock.advance(1);
    void dialog.bye();
    await lab.clock.advance(1);
    expect(lab.last().what).toBe('BYE');
    await lab.send(reply(lab.last(), 200));
    await lab.clock.advance(1);
    expect(lab.endpoint.stats).toMatchObject({ clientTransactions: 2, dialogs: 0 });
    setFlagsFromString('--expose-gc');
    const gc = runInNewContext('gc') as () => void;
    await new Promise((resolve) => setImmediate(resolve));
    gc();
    expect(call.deref()).toBeUndefined();
    // A copy of the 200 still gets its ACK.
    const before = lab.inbox.length;
    await lab.send(reply(invite, 200));
    expect(lab.heard().slice(before)).toEqual(['ACK']);
    await idle(lab);
  });

  /** A user that is reached by every callback of the call. */
  function listens(client: Awaited<ReturnType<typeof calling>>['client']): WeakRef<object> {
    const call = { provisional: 0, requests: 0, ends: 0 };
    client.onProvisional = () => call.provisional++;
    void client.final.then(({ dialog }) => {
      if (!dialog) return;
      dialog.onRequest = () => call.requests++;
      dialog.onEnd = () => call.ends++;
    });
    return new WeakRef(call);
  }
});

it('a failure while a response is worked on costs that response and nothing else', async () => {
  const random = seededRandom(1);
  let broken = false;
  const { lab, invite } = await calling(
    { credentials: { username: 'me', password: 'secret' } },
    {
      random: {
        uint32: random.uint32,
        bytes: (length: number) => {
          if (broken) throw new Error('the random source is gone');
          return random.bytes(length);
        },
      },
    },
  );
  broken = true;
  await lab.send(reply(invite, 401, { headers: ['WWW-Authenticate: Digest realm="r", nonce="n", qop="auth"'] }));
  broken = false;
  expect(lab.endpoint.stats.counters.internalErrors).toBe(1);
  await lab.send(write({ method: 'OPTIONS' }));
  expect(lab.last().what).toBe('200');
});

it('a BYE that cannot be sent leaves the dialog to be ended by another', async () => {
  const { lab, client, invite } = await calling();
  await lab.send(reply(invite, 200));
  const { dialog } = await client.final;
  expect(() => dialog?.bye([['X-A', 'a\r\nX-B: b']])).toThrow(
    expect.objectContaining({ code: 'ERR_HEADER_INJECTION' }),
  );
  expect(dialog?.state).toBe('confirmed');
  const bye = dialog?.bye();
  await lab.clock.advance(0);
  expect(lab.last().what).toBe('BYE');
  await lab.send(reply(lab.last(), 200));
  await bye;
  await idle(lab);
});

it('a user name that no header can hold is refused before anything is sent', async () => {
  const lab = await openLab();
  const credentials = { username: 'me\r\nX-Injected: 1', password: 'secret' };
  expect(() => lab.endpoint.invite({ ...call, credentials })).toThrow(
    expect.objectContaining({ code: 'ERR_HEADER_INJECTION' }),
  );
  await lab.clock.advance(0);
  expect(lab.inbox).toEqual([]);
  await idle(lab);
});
