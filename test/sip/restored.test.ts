/** What an endpoint does with the dialogs and INVITEs of another one that is gone without a word. */
import { describe, expect, it } from 'vitest';
import type { Dialog } from '../../src/sip/dialog.ts';
import type { InviteClient, InviteServer, UnfinishedInvite } from '../../src/sip/endpoint.ts';
import { address, type Lab, openLab, reply, sdp, write } from './lab.ts';

/** The INVITE of a peer, as the endpoint before has left it. */
async function ringing(): Promise<UnfinishedInvite> {
  const before = await openLab();
  let invite: InviteServer | undefined;
  before.endpoint.onInvite = (one) => {
    invite = one;
    one.provisional(180);
  };
  await before.send(write({ branch: 'z9hG4bKfirst', body: sdp }));
  const { unfinished } = invite as unknown as InviteServer;
  if (!unfinished) throw new Error('it is finished');
  return unfinished;
}

const copy = (): string => write({ branch: 'z9hG4bKfirst', body: sdp });

describe('an INVITE of a peer that has no final response', () => {
  it('gets 503 with the tag it knows, also by a copy, until the ACK', async () => {
    const unfinished = await ringing();
    const lab = await openLab();
    expect(lab.endpoint.refuse(unfinished)).toBe(true);
    await lab.clock.advance(0);
    await lab.send(copy());
    expect(lab.heard()).toEqual(['503', '503']);
    expect(lab.last().get('To')).toContain(`;tag=${unfinished.localTag}`);
    await lab.send(write({ method: 'ACK', branch: 'z9hG4bKfirst', to: lab.last().get('To') }));
    await lab.clock.advance(40_000);
    expect(lab.heard()).toEqual(['503', '503']);
    expect(lab.endpoint.stats).toMatchObject({ transactions: 0, dialogs: 0, timers: 0 });
  });

  it('that had its 2xx after all is ended by BYE', async () => {
    const unfinished = await ringing();
    const lab = await openLab();
    lab.endpoint.refuse(unfinished);
    await lab.clock.advance(1000);
    const bye = lab.inbox.find(({ what }) => what === 'BYE');
    expect(bye?.get('From')).toContain(`;tag=${unfinished.localTag}`);
    expect(bye?.get('To')).toContain(';tag=phone');
    if (bye) await lab.send(reply(bye, 200));
    await lab.clock.advance(80_000);
    expect(lab.endpoint.stats).toMatchObject({ transactions: 0, dialogs: 0, timers: 0 });
  });
});

/** An INVITE of ours. @param answer what the peer has said to it */
async function calling(answer?: Parameters<typeof reply>[1]): Promise<UnfinishedInvite> {
  const before = await openLab();
  const client: InviteClient = before.endpoint.invite({
    uri: 'sip:peer@10.0.0.2:5070',
    from: address('sip:us@10.0.0.1'),
    to: address('sip:peer@10.0.0.2'),
  });
  await before.clock.advance(0);
  if (answer) await before.send(reply(before.last(), answer));
  if (!client.unfinished) throw new Error('it is finished');
  return client.unfinished;
}

describe('an INVITE of ours that has no final response', () => {
  it('is sent again as a copy, and cancelled when the peer rings', async () => {
    const unfinished = await calling(180);
    const lab = await openLab();
    expect(lab.endpoint.takeBack(unfinished)).toBe(true);
    await lab.clock.advance(0);
    const invite = lab.last();
    expect(invite.text).toBe(Buffer.from(unfinished.request).toString());
    await lab.send(reply(invite, 180));
    expect(lab.heard()).toEqual(['INVITE', 'CANCEL']);
    await lab.send(reply(lab.last(), 200));
    await lab.send(reply(invite, 487));
    expect(lab.heard()).toEqual(['INVITE', 'CANCEL', 'ACK']);
    await lab.clock.advance(80_000);
    expect(lab.endpoint.stats).toMatchObject({ transactions: 0, dialogs: 0, timers: 0 });
  });

  it('that is answered meanwhile gets its ACK and BYE', async () => {
    const unfinished = await calling();
    const lab = await openLab();
    lab.endpoint.takeBack(unfinished);
    await lab.clock.advance(0);
    await lab.send(reply(lab.last(), 200, { body: sdp }));
    expect(lab.heard()).toEqual(['INVITE', 'ACK', 'BYE']);
    await lab.send(reply(lab.last(), 200));
    await lab.clock.advance(80_000);
    expect(lab.endpoint.stats).toMatchObject({ transactions: 0, dialogs: 0, timers: 0 });
  });

  it('that was answered and acknowledged before: the peer, silent to copies, is told by BYE', async () => {
    const unfinished = await calling(183);
    const lab = await openLab();
    lab.endpoint.takeBack(unfinished);
    await lab.clock.advance(1000);
    const bye = lab.inbox.find(({ what }) => what === 'BYE');
    expect(bye?.get('To')).toContain(';tag=peer');
    if (bye) await lab.send(reply(bye, 200));
    await lab.clock.advance(80_000);
    expect(lab.endpoint.stats).toMatchObject({ transactions: 0, dialogs: 0, timers: 0 });
  });

  it('tells when there is something to write: once it is sent, and of each early dialog', async () => {
    const lab = await openLab();
    const client = lab.endpoint.invite({
      uri: 'sip:peer@10.0.0.2:5070',
      from: address('sip:us@10.0.0.1'),
      to: address('sip:peer@10.0.0.2'),
    });
    const seen: (number | undefined)[] = [];
    client.onChange = () => seen.push(client.unfinished?.early?.length);
    await lab.clock.advance(0);
    const invite = lab.last();
    for (const tag of ['one', 'two', 'two']) await lab.send(reply(invite, 180, { tag }));
    expect(new Set(seen)).toEqual(new Set([1, 2]));
    await lab.endpoint.close();
  });
});

/** A dialog of a peer's call in another endpoint. @param acknowledged whether its ACK has come before */
async function restored(acknowledged: boolean): Promise<{ lab: Lab; dialog: Dialog; to: string }> {
  const before = await openLab();
  let invite: InviteServer | undefined;
  before.endpoint.onInvite = (one) => {
    invite = one;
    one.accept({ contentType: 'application/sdp', body: Buffer.from(sdp) });
  };
  await before.send(copy());
  const to = before.last().get('To');
  if (acknowledged) await before.send(write({ method: 'ACK', to }));
  const snapshot = (invite as unknown as InviteServer).dialog.snapshot();
  const lab = await openLab();
  const dialog = lab.endpoint.restore(snapshot);
  if (!dialog) throw new Error('it cannot be restored');
  if (snapshot.answer) dialog.acks.answerAgain(snapshot.answer, ignore, ignore);
  return { lab, dialog, to };
}

const ignore = (): void => {};

describe('a dialog that goes on', () => {
  it('whose 2xx has no ACK: it is sent until then, and again for a copy of the INVITE', async () => {
    const { lab, to } = await restored(false);
    await lab.clock.advance(1500);
    const sent = lab.inbox.length;
    expect(lab.heard()).toEqual(Array(sent).fill('200'));
    expect(sent).toBeGreaterThan(2);
    await lab.send(copy());
    expect(lab.heard()).toEqual(Array(sent + 1).fill('200'));
    await lab.send(write({ method: 'ACK', to }));
    await lab.clock.advance(40_000);
    expect(lab.inbox).toHaveLength(sent + 1);
    expect(lab.endpoint.stats).toMatchObject({ transactions: 0, dialogs: 1, timers: 0 });
  });

  it('whose 2xx has no ACK waits with its BYE for it', async () => {
    const { lab, dialog, to } = await restored(false);
    void dialog.bye();
    await lab.clock.advance(100);
    expect(lab.heard()).toEqual(['200']);
    await lab.send(write({ method: 'ACK', to }));
    expect(lab.heard()).toEqual(['200', 'BYE']);
    await lab.send(reply(lab.last(), 200));
    expect(lab.endpoint.stats).toMatchObject({ dialogs: 0 });
  });

  it('whose re-INVITE has a 2xx without ACK answers a copy of it', async () => {
    const { lab, dialog, to } = await restored(true);
    dialog.onRequest = (incoming) => incoming.respond(200, { contentType: 'application/sdp', body: Buffer.from(sdp) });
    const again = write({ branch: 'z9hG4bKagain', seq: 2, to, body: sdp });
    await lab.send(again);
    const { answer, ...snapshot } = dialog.snapshot();
    const next = await openLab();
    const later = next.endpoint.restore({ ...snapshot, answer });
    if (!answer) throw new Error('its 2xx is forgotten');
    later?.acks.answerAgain(answer, ignore, ignore);
    await next.clock.advance(0);
    await next.send(again);
    expect(next.heard()).toEqual(['200', '200']);
    await next.send(write({ method: 'ACK', seq: 2, to }));
    await next.clock.advance(40_000);
    expect(next.inbox).toHaveLength(2);
  });

  it('takes requests in the order of their CSeq, and sends its own from there on', async () => {
    const { lab, dialog, to } = await restored(true);
    await lab.send(write({ method: 'INFO', seq: 1, to }));
    expect(lab.last().what).toBe('500');
    await lab.send(write({ method: 'OPTIONS', seq: 2, to }));
    expect(lab.last().what).toBe('200');
    const before = dialog.localSeq;
    void dialog.request('OPTIONS');
    await lab.clock.advance(0);
    expect(lab.last().get('CSeq')).toBe(`${before + 1} OPTIONS`);
    await lab.send(reply(lab.last(), 200));
    await lab.send(write({ method: 'BYE', seq: 3, to }));
    expect(lab.last().what).toBe('200');
    expect(lab.endpoint.stats.dialogs).toBe(0);
  });

  it('of ours: a copy of the 2xx gets its ACK again', async () => {
    const before = await openLab();
    const client = before.endpoint.invite({
      uri: 'sip:peer@10.0.0.2:5070',
      from: address('sip:us@10.0.0.1'),
      to: address('sip:peer@10.0.0.2'),
    });
    await before.clock.advance(0);
    const answer = reply(before.last(), 200, { body: sdp });
    await before.send(answer);
    const { dialog } = await client.final;
    if (!dialog) throw new Error('it was not answered');
    dialog.ack();
    await before.clock.advance(0);
    const ack = before.last().text;
    const lab = await openLab();
    lab.endpoint.restore(dialog.snapshot());
    await lab.send(answer);
    expect(lab.inbox.map(({ text }) => text)).toEqual([ack]);
    expect(lab.endpoint.stats.counters.strayResponses).toBe(0);
  });
});
