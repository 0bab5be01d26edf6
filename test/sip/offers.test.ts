import { describe, expect, it } from 'vitest';
import type { Dialog, IncomingRequest, InviteServer } from '../../src/sip/endpoint.ts';
import { address, type Lab, openLab, reply, sdp, write } from './lab.ts';

const content = { contentType: 'application/sdp', body: Buffer.from(sdp) };
const methods = { methods: ['INFO', 'UPDATE'] };

interface Call {
  readonly lab: Lab;
  readonly dialog: Dialog;
  /** Requests of the peer that wait for our answer. */
  readonly asked: IncomingRequest[];
  /** A request of the peer in the dialog. @returns what is heard next */
  peer(method: string, seq: number, body?: string): Promise<string | undefined>;
}

/** The peer called, was answered and acknowledged. @param offer what its INVITE has */
async function called({ offer = sdp, acked = true } = {}): Promise<Call> {
  const lab = await openLab(methods);
  const invites: InviteServer[] = [];
  lab.endpoint.onInvite = (invite) => {
    invites.push(invite);
    invite.accept(content);
  };
  await lab.send(write({ body: offer, headers: ['Allow: INVITE, UPDATE'] }));
  const to = lab.last().get('To');
  if (acked) await lab.send(write({ method: 'ACK', to }));
  const { dialog } = invites[0] as InviteServer;
  return inCall(lab, dialog, (method, seq, body) => write({ method, seq, to, body }));
}

/** We called, and the peer answered. */
async function calling(): Promise<Call> {
  const lab = await openLab(methods);
  const uri = 'sip:peer@10.0.0.2:5070';
  const client = lab.endpoint.invite({ uri, from: address('sip:a@x'), to: address(uri), ...content });
  await lab.clock.advance(0);
  const invite = lab.last();
  await lab.send(reply(invite, 200, { body: sdp }));
  const { dialog } = await client.final;
  if (!dialog) throw new Error('not answered');
  dialog.ack();
  await lab.clock.advance(0);
  const names = { from: `${invite.get('To')};tag=peer`, to: invite.get('From'), callId: invite.get('Call-ID') };
  return inCall(lab, dialog, (method, seq, body) => write({ method, seq, body, ...names }));
}

function inCall(lab: Lab, dialog: Dialog, text: (method: string, seq: number, body: string) => string): Call {
  const asked: IncomingRequest[] = [];
  dialog.onRequest = (request) => asked.push(request);
  const peer = async (method: string, seq: number, body = sdp): Promise<string | undefined> => {
    const before = lab.inbox.length;
    await lab.send(text(method, seq, body));
    return lab.inbox[before]?.what;
  };
  return { lab, dialog, asked, peer };
}

const sides: [string, () => Promise<Call>][] = [
  ['the callee', called],
  ['the caller', calling],
];

describe.each(sides)('as %s', (_side, open) => {
  it('answers an UPDATE with an offer, and one without', async () => {
    const { lab, asked, peer } = await open();
    expect(await peer('UPDATE', 2)).toBeUndefined();
    asked[0]?.respond(200, content);
    await lab.clock.advance(0);
    expect(lab.last().what).toBe('200');
    expect(lab.last().get('Contact')).toContain('10.0.0.1');
    expect(lab.last().get('Allow')).toContain('UPDATE');
    expect(lab.last().text).toContain('m=audio');
    await peer('UPDATE', 3, '');
    asked[1]?.respond(200);
    await lab.clock.advance(0);
    expect(lab.last().what).toBe('200');
  });

  it('refuses a second UPDATE with 500 until the first is answered', async () => {
    const { lab, asked, peer } = await open();
    await peer('UPDATE', 2);
    expect(await peer('UPDATE', 3)).toBe('500');
    expect(lab.last().get('Retry-After')).toMatch(/^(\d|10)$/);
    expect(await peer('UPDATE', 4, '')).toBe('500');
    expect(await peer('INVITE', 5)).toBe('500');
    asked[0]?.respond(488);
    await peer('UPDATE', 6);
    expect(asked).toHaveLength(2);
  });

  it('refuses offers with 491 while its own UPDATE has no answer, but takes an UPDATE without', async () => {
    const { lab, dialog, asked, peer } = await open();
    const response = dialog.request('UPDATE', content);
    await lab.clock.advance(0);
    const update = lab.last();
    expect(update.what).toBe('UPDATE');
    expect(await peer('UPDATE', 2)).toBe('491');
    expect(await peer('INVITE', 3)).toBe('491');
    await peer('UPDATE', 4, '');
    expect(asked).toHaveLength(1);
    asked[0]?.respond(200);
    expect((await dialog.request('UPDATE', content)).status).toBe(491);
    expect((await dialog.request('INVITE', content)).status).toBe(491);
    await lab.send(reply(update, 200, { body: sdp }));
    expect((await response).status).toBe(200);
    await peer('UPDATE', 5);
    expect(asked).toHaveLength(2);
  });

  it('refuses offers with 491 while its own re-INVITE has no answer, and makes none itself', async () => {
    const { lab, dialog, asked, peer } = await open();
    const response = dialog.request('INVITE', content);
    await lab.clock.advance(0);
    const invite = lab.last();
    expect(await peer('UPDATE', 2)).toBe('491');
    expect(await peer('INVITE', 3)).toBe('491');
    expect((await dialog.request('UPDATE', content)).status).toBe(491);
    await lab.send(reply(invite, 488));
    expect((await response).status).toBe(488);
    await peer('UPDATE', 4);
    expect(asked).toHaveLength(1);
  });

  it('refuses an UPDATE with 500 while the re-INVITE of the peer has no answer', async () => {
    const { lab, dialog, asked, peer } = await open();
    await peer('INVITE', 2);
    await lab.clock.advance(200);
    expect(await peer('UPDATE', 3)).toBe('500');
    expect((await dialog.request('UPDATE', content)).status).toBe(491);
    asked[0]?.respond(200, content);
    await lab.clock.advance(0);
    // The answer is on its way: its ACK has nothing to do with offers.
    await peer('UPDATE', 4);
    expect(asked).toHaveLength(2);
  });

  it('waits with 491 for the answer in the ACK to an offer that a re-INVITE asked for', async () => {
    const { lab, asked, peer } = await open();
    await peer('INVITE', 2, '');
    asked[0]?.respond(200, content);
    await lab.clock.advance(0);
    expect(await peer('UPDATE', 3)).toBe('491');
    await peer('ACK', 2);
    await peer('UPDATE', 4);
    expect(asked).toHaveLength(2);
  });

  it('follows the Contact of an UPDATE without an offer, and of the answer to its own', async () => {
    const { lab, dialog, asked, peer } = await open();
    await peer('UPDATE', 2, '');
    asked[0]?.respond(200);
    expect(dialog.remoteTarget).toBe('sip:phone@10.0.0.2:5070');
    const response = dialog.request('UPDATE');
    await lab.clock.advance(0);
    expect(lab.last().text).toContain('UPDATE sip:phone@10.0.0.2:5070 SIP/2.0');
    await lab.send(reply(lab.last(), 200, { contact: '<sip:moved@10.0.0.2:5070>' }));
    await response;
    expect(dialog.remoteTarget).toBe('sip:moved@10.0.0.2:5070');
  });
});

it('an answer that waits for its ACK keeps no UPDATE from coming; an offer does', async () => {
  const answered = await called({ acked: false });
  await answered.peer('UPDATE', 2);
  expect(answered.asked).toHaveLength(1);
  const offered = await called({ offer: '', acked: false });
  expect(await offered.peer('UPDATE', 2)).toBe('491');
});

it('knows which methods the peer takes', async () => {
  const { dialog, asked, peer } = await called();
  expect([dialog.allows('UPDATE'), dialog.allows('INFO')]).toEqual([true, false]);
  await peer('UPDATE', 2, '');
  asked[0]?.respond(200);
  expect(dialog.allows('UPDATE')).toBe(true);
});
