import { describe, expect, it } from 'vitest';
import type { InviteClient } from '../../src/sip/endpoint.ts';
import { address, type Lab, openLab, type Received, reply, sdp, write } from './lab.ts';

const content = { contentType: 'application/sdp', body: Buffer.from(sdp) };

interface Calling {
  readonly lab: Lab;
  readonly client: InviteClient;
  readonly invite: Received;
  readonly heard: string[];
  /** A reliable response of the peer. */
  rings(
    rseq: number | string,
    options?: { tag?: string; body?: string; route?: string; require?: string },
  ): Promise<void>;
  pracks(): Received[];
}

async function calling(offer = true): Promise<Calling> {
  const lab = await openLab({ methods: ['UPDATE', 'PRACK'], supported: ['100rel'] });
  const uri = 'sip:peer@10.0.0.2:5070';
  const client = lab.endpoint.invite({ uri, from: address('sip:a@x'), to: address(uri), ...(offer ? content : {}) });
  const heard: string[] = [];
  client.onProvisional = (response, dialog, reliable) =>
    heard.push(`${response.status} ${dialog?.remoteTag} ${reliable ? 'reliable' : 'lost maybe'}`);
  await lab.clock.advance(0);
  const invite = lab.last();
  return {
    lab,
    client,
    invite,
    heard,
    rings: async (rseq, { tag = 'peer', body = '', route, require = '100rel' } = {}) => {
      const headers = [`Require: ${require}`, `RSeq: ${rseq}`, ...(route ? [`Record-Route: ${route}`] : [])];
      await lab.send(reply(invite, 183, { tag, body, headers }));
    },
    pracks: () => lab.inbox.filter(({ what }) => what === 'PRACK'),
  };
}

async function done({ lab, client, invite }: Calling): Promise<void> {
  await lab.send(reply(invite, 486));
  await client.final;
  await lab.clock.advance(40_000);
  expect(lab.endpoint.stats).toMatchObject({ transactions: 0, dialogs: 0, timers: 0 });
}

describe('a reliable response', () => {
  it('is acknowledged by PRACK in its early dialog', async () => {
    const call = await calling();
    expect(call.invite.get('Supported')).toBe('100rel');
    await call.rings(7001, { body: sdp });
    const [prack] = call.pracks();
    expect(prack?.get('RAck')).toBe('7001 1 INVITE');
    expect(prack?.get('CSeq')).toBe('2 PRACK');
    expect(prack?.get('To')).toContain('tag=peer');
    expect(prack?.text).toMatch(/^PRACK sip:peer@10.0.0.2:5070 SIP/);
    expect(prack?.text).not.toContain('m=audio');
    expect(call.heard).toEqual(['183 peer reliable']);
    await call.lab.send(reply(prack as Received, 200));
    await done(call);
  });

  it('is told of once: copies and what comes too early are as if they had not come', async () => {
    const call = await calling();
    await call.rings(10);
    await call.rings(10);
    await call.rings(12);
    await call.rings(9);
    await call.rings(11);
    await call.rings(12);
    expect(call.pracks().map((prack) => prack.get('RAck').split(' ')[0])).toEqual(['10', '11', '12']);
    expect(call.pracks().map((prack) => prack.get('CSeq').split(' ')[0])).toEqual(['2', '3', '4']);
    expect(call.heard).toHaveLength(3);
    for (const prack of call.pracks()) await call.lab.send(reply(prack, 200));
    await done(call);
  });

  it('of each fork has a number and a way of its own', async () => {
    const call = await calling();
    await call.rings(1, { tag: 'one', route: '<sip:10.0.0.2:5070;lr;a>' });
    await call.rings(900, { tag: 'two', route: '<sip:10.0.0.2:5070;lr;b>' });
    await call.rings(2, { tag: 'one' });
    await call.rings(902, { tag: 'two' });
    expect(call.pracks().map((prack) => [prack.get('RAck'), prack.get('Route')])).toEqual([
      ['1 1 INVITE', '<sip:10.0.0.2:5070;lr;a>'],
      ['900 1 INVITE', '<sip:10.0.0.2:5070;lr;b>'],
      ['2 1 INVITE', '<sip:10.0.0.2:5070;lr;a>'],
    ]);
    for (const prack of call.pracks()) await call.lab.send(reply(prack, 200));
    await done(call);
  });

  it('that says so by half is as any other', async () => {
    const call = await calling();
    await call.rings('', {});
    await call.rings('many');
    await call.rings(1, { require: 'foo' });
    expect(call.pracks()).toEqual([]);
    expect(call.heard).toEqual(['183 peer lost maybe', '183 peer lost maybe', '183 peer lost maybe']);
    await done(call);
  });

  it.each([481, 408, 500])('whose PRACK is refused with %d leaves the call as it is', async (status) => {
    const call = await calling();
    await call.rings(1, { body: sdp });
    await call.lab.send(reply(call.pracks()[0] as Received, status));
    await call.lab.send(reply(call.invite, 200));
    const { dialog } = await call.client.final;
    dialog?.ack();
    await call.lab.clock.advance(0);
    expect(call.lab.last().get('CSeq')).toBe('1 ACK');
    expect(dialog?.state).toBe('confirmed');
  });

  it('whose PRACK nobody answers leaves the call as it is', async () => {
    const call = await calling();
    await call.rings(1);
    await call.lab.clock.advance(40_000);
    await call.lab.send(reply(call.invite, 200, { body: sdp }));
    expect((await call.client.final).dialog?.state).toBe('confirmed');
  });

  it('of many forks is acknowledged up to a bound', async () => {
    const call = await calling();
    for (let i = 0; i < 100; i++) await call.rings(1, { tag: `fork${i}` });
    expect(call.pracks()).toHaveLength(64);
    expect(call.lab.endpoint.stats.dialogs).toBe(64);
    for (const prack of call.pracks()) await call.lab.send(reply(prack, 200));
    await done(call);
  });
});

describe('offers before the answer', () => {
  it('of the peer, in UPDATE, wait until ours has its answer by a reliable response', async () => {
    const call = await calling();
    const { lab, invite } = call;
    const asked: string[] = [];
    call.client.onProvisional = (_response, dialog) => {
      if (dialog)
        dialog.onRequest = (request) => {
          asked.push(request.request.method);
          request.respond(200, content);
        };
    };
    const names = { from: `${invite.get('To')};tag=peer`, to: invite.get('From'), callId: invite.get('Call-ID') };
    await lab.send(reply(invite, 183, { body: sdp }));
    await lab.send(write({ method: 'UPDATE', seq: 1, body: sdp, ...names }));
    expect(lab.last().what).toBe('491');
    await call.rings(1, { body: sdp });
    await lab.send(reply(call.pracks()[0] as Received, 200));
    await lab.send(write({ method: 'UPDATE', seq: 2, body: sdp, ...names }));
    expect([lab.last().what, asked]).toEqual(['200', ['UPDATE']]);
    await done(call);
  });

  it('that were left to the peer come by a reliable response, and PRACK has the answer', async () => {
    const call = await calling(false);
    const offers: string[] = [];
    call.client.onOffer = async ({ body }) => {
      offers.push(Buffer.from(body).toString());
      return content;
    };
    await call.lab.send(reply(call.invite, 183, { body: sdp }));
    expect(offers).toEqual([]);
    await call.rings(1, { body: sdp });
    await call.lab.clock.advance(0);
    expect(offers).toEqual([sdp]);
    expect(call.pracks()[0]?.text).toContain('m=audio');
    await call.lab.send(reply(call.pracks()[0] as Received, 200));
    // The exchange is through: what comes next has no offer to answer.
    await call.rings(2, { body: sdp });
    await call.lab.clock.advance(0);
    expect(call.pracks()[1]?.text).not.toContain('m=audio');
    expect(offers).toHaveLength(1);
    await call.lab.send(reply(call.pracks()[1] as Received, 200));
    await done(call);
  });

  it('that cannot be answered are acknowledged all the same', async () => {
    const call = await calling(false);
    call.client.onOffer = () => Promise.reject(new Error('no codec'));
    await call.rings(1, { body: sdp });
    await call.lab.clock.advance(0);
    expect(call.pracks()).toHaveLength(1);
    await call.lab.send(reply(call.pracks()[0] as Received, 200));
    await done(call);
  });
});
