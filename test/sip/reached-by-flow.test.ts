import { describe, expect, it } from 'vitest';
import type { InviteServer } from '../../src/sip/endpoint.ts';
import { address, type Lab, openLab, reply, write } from './lab.ts';

/** The call is answered and hung up by us. @returns what was heard of our BYE */
async function hangUp(lab: Lab, invite: string): Promise<string | undefined> {
  let call: InviteServer | undefined;
  lab.endpoint.onInvite = (server) => {
    call = server;
    server.accept();
  };
  await lab.send(invite);
  const answer = lab.last();
  await lab.send(
    write({ method: 'ACK', to: answer.get('To'), contact: undefined }).replace(/^Via: .*/m, viaOf(invite, 'ack')),
  );
  void call?.dialog.bye();
  await lab.clock.advance(0);
  const bye = lab.inbox.find(({ what }) => what === 'BYE');
  if (bye) await lab.send(reply(bye, 200));
  return bye?.text.split('\r\n')[0];
}

const viaOf = (invite: string, suffix: string): string => `${/^Via: .*/m.exec(invite)?.[0]}${suffix}`;

describe('where a caller is reached', () => {
  it('behind a NAT, at the address that it calls from', async () => {
    const lab = await openLab();
    const invite = write({
      via: 'SIP/2.0/UDP 192.168.1.5:5060;rport;branch=z9hG4bKnat',
      contact: '<sip:phone@192.168.1.5:5060>',
    });
    expect(await hangUp(lab, invite)).toBe('BYE sip:phone@192.168.1.5:5060 SIP/2.0');
  });

  it.each([
    ['its Contact says to stay on the flow', '<sip:phone@192.168.1.5:5060;ob>'],
    ['its Contact names an instance', '<sip:phone@example.test;gr=urn:uuid:1>'],
    ['its Contact is that of a browser', '<sip:x@abc.invalid;transport=ws>'],
  ])('where %s, the same', async (_what, contact) => {
    const lab = await openLab();
    const via = 'SIP/2.0/UDP 10.0.0.2:5070;rport;branch=z9hG4bKob';
    expect(await hangUp(lab, write({ via, contact }))).toMatch(/^BYE /);
  });

  it('else at its Contact: it may be somebody else than who sends', async () => {
    const lab = await openLab();
    const invite = write({
      via: 'SIP/2.0/UDP 10.0.0.2:5070;rport;branch=z9hG4bKdir',
      contact: '<sip:phone@10.0.0.9:5060>',
    });
    expect(await hangUp(lab, invite)).toBeUndefined();
  });

  it('behind a proxy that stays in the way, through that proxy', async () => {
    const lab = await openLab();
    const invite = write({
      via: 'SIP/2.0/UDP 192.168.1.5:5060;rport;branch=z9hG4bKrr',
      contact: '<sip:phone@192.168.1.5:5060>',
      headers: ['Record-Route: <sip:10.0.0.9;lr>'],
    });
    expect(await hangUp(lab, invite)).toBeUndefined();
  });
});

describe('a call through the flow of a request', () => {
  it('goes where that came from, and so does all that follows in its dialog', async () => {
    const lab = await openLab({ outsideMethods: ['REGISTER'] });
    const { promise, resolve } = Promise.withResolvers<void>();
    lab.endpoint.onRequest = (request) => {
      request.respond(200);
      const call = lab.endpoint.invite({
        uri: 'sip:phone@192.168.1.5:5060',
        from: address('sip:me@10.0.0.1'),
        to: address('sip:phone@10.0.0.1'),
        through: request.peerFlow,
      });
      void call.final.then(({ dialog }) => {
        dialog?.ack();
        void dialog?.bye();
        resolve();
      });
    };
    await lab.send(write({ method: 'REGISTER' }));
    const invite = lab.last();
    expect(invite.text).toMatch(/^INVITE sip:phone@192\.168\.1\.5:5060 SIP/);
    await lab.send(reply(invite, 200, { contact: '<sip:phone@192.168.1.5:5060>' }));
    await promise;
    await lab.clock.advance(0);
    expect(lab.heard()).toEqual(['200', 'INVITE', 'ACK', 'BYE']);
  });
});
