import { describe, expect, it } from 'vitest';
import { DialogResponseError } from '../../src/session/errors.ts';
import { first, RawPhone } from '../helpers/raw-phone.ts';
import { expectIdle, openTandem } from '../helpers/tandem.ts';

const tone = (byte: number, frames: number): Uint8Array => new Uint8Array(160 * frames).fill(byte);

describe('an outgoing call', () => {
  it('is answered, ACKed, carries audio both ways and is hung up by BYE', async () => {
    await using server = await openTandem();
    using phone = await RawPhone.open();
    const call = await server.tandem.invite(`sip:bob@127.0.0.1:${phone.sipPort}`, { displayName: 'A "quoted" name' });
    expect(call.state).toBe('confirmed');
    await phone.nextRequest('ACK');
    const invite = phone.received[0];
    expect(invite?.startLine).toBe(`INVITE sip:bob@127.0.0.1:${phone.sipPort} SIP/2.0`);
    expect(invite && first(invite, 'from')).toContain('"A \\"quoted\\" name"');
    await call.playback().play(tone(0x21, 5), '');
    expect((await phone.hears(5, 0)).every(({ payload }) => payload.every((byte) => byte === 0x21))).toBe(true);
    await call.close();
    expect(phone.received.at(-1)?.method).toBe('BYE');
    expect(await call.ended).toMatchObject({ by: 'local' });
    await expectIdle(server.tandem);
  });

  it('rejects with the refusal', async () => {
    await using server = await openTandem();
    using phone = await RawPhone.open();
    phone.plan = { provisional: [{ status: '180 Ringing' }], final: '486 Busy Here' };
    const seen: number[] = [];
    const error = await server.tandem
      .invite(`sip:bob@127.0.0.1:${phone.sipPort}`, { onResponse: ({ status }) => seen.push(status) })
      .catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(DialogResponseError);
    expect(error).toMatchObject({ code: 'ERR_DIALOG_RESPONSE', status: 486, reason: 'Busy Here' });
    expect(seen).toEqual([180, 486]);
    await phone.nextRequest('ACK');
    await expectIdle(server.tandem);
  });

  it('is cancelled by a signal, by a timeout, and by cancel()', async () => {
    await using server = await openTandem();
    const ringing = async () => {
      const phone = await RawPhone.open();
      phone.plan = { provisional: [{ status: '180 Ringing' }] };
      return phone;
    };
    using first = await ringing();
    const abort = new AbortController();
    const aborted = server.tandem.invite(`sip:a@127.0.0.1:${first.sipPort}`, {
      signal: abort.signal,
      onResponse: () => abort.abort(new Error('enough')),
    });
    await expect(aborted).rejects.toThrow('enough');
    await first.nextRequest('CANCEL');

    using second = await ringing();
    await expect(server.tandem.invite(`sip:a@127.0.0.1:${second.sipPort}`, { timeout: 100 })).rejects.toMatchObject({
      code: 'ERR_TIMEOUT',
      status: 408,
    });
    await second.nextRequest('CANCEL');

    using third = await ringing();
    const call = await server.tandem.newDialog(`sip:a@127.0.0.1:${third.sipPort}`);
    const invited = call.invite({ onResponse: () => void call.cancel() });
    await expect(invited).rejects.toMatchObject({ code: 'ERR_DIALOG_ENDED' });
    await third.nextRequest('CANCEL');
    await expectIdle(server.tandem);
  });

  it('returns at early media, then waits for the answer and is ACKed by hand', async () => {
    await using server = await openTandem();
    using phone = await RawPhone.open();
    phone.plan = { provisional: [{ status: '183 Session Progress', sdp: true }], ringMs: 150, final: '200 OK' };
    await using call = await server.tandem.newDialog(`sip:a@127.0.0.1:${phone.sipPort}`);
    expect(await call.invite({ earlyMedia: true })).toBe('early');
    expect(call.state).toBe('early');
    await call.playback().play(tone(0x44, 3), '');
    await phone.hears(3, 0);
    await call.waitAnswer();
    expect(call.state).toBe('answered');
    await call.ack();
    expect(call.state).toBe('confirmed');
    await phone.nextRequest('ACK');
  });

  it('gets ACK and BYE when the answer has no usable codec', async () => {
    await using server = await openTandem();
    using phone = await RawPhone.open();
    phone.plan = { final: '200 OK', sdp: (self) => self.sdp({ payloadType: 18, name: 'G729' }) };
    await expect(server.tandem.invite(`sip:a@127.0.0.1:${phone.sipPort}`)).rejects.toMatchObject({
      code: 'ERR_SDP',
      status: 488,
    });
    await phone.nextRequest('ACK');
    await phone.nextRequest('BYE');
    await expectIdle(server.tandem);
  });

  it('is ended by the far end', async () => {
    await using server = await openTandem();
    using phone = await RawPhone.open();
    await using call = await server.tandem.invite(`sip:a@127.0.0.1:${phone.sipPort}`);
    await phone.nextRequest('ACK');
    await phone.bye();
    expect(await call.ended).toMatchObject({ by: 'remote', method: 'BYE' });
    await expect(call.request('INFO')).rejects.toMatchObject({ code: 'ERR_DIALOG_ENDED' });
  });

  it('goes on hold and back by re-INVITE, and tries again on glare', async () => {
    await using server = await openTandem();
    using phone = await RawPhone.open();
    await using call = await server.tandem.invite(`sip:a@127.0.0.1:${phone.sipPort}`);
    await phone.nextRequest('ACK');
    const held = call.hold();
    const first = await phone.next((m) => m.method === 'INVITE' && m.body.includes('a=sendonly'));
    phone.respond(first, '491 Request Pending');
    const second = await phone.next((m) => m.method === 'INVITE' && m.body.includes('a=sendonly') && m !== first);
    phone.respond(second, '200 OK', { sdp: phone.sdp(undefined, 'recvonly') });
    await held;
    expect(call.media.audio?.direction).toBe('sendonly');
    const unheld = call.unhold();
    const third = await phone.next(
      (m) =>
        m.method === 'INVITE' && m.body.includes('a=sendrecv') && m.headers.get('to')?.[0]?.includes('tag=') === true,
    );
    phone.respond(third, '488 Not Acceptable Here');
    await expect(unheld).rejects.toMatchObject({ status: 488 });
    expect(call.media.audio?.direction).toBe('sendonly');
  });

  it('forks in parallel: the first to answer gets it, the others are cancelled', async () => {
    await using server = await openTandem();
    using slow = await RawPhone.open();
    using fast = await RawPhone.open();
    using busy = await RawPhone.open();
    slow.plan = { provisional: [{ status: '180 Ringing' }] };
    fast.plan = { provisional: [{ status: '180 Ringing' }], ringMs: 100, final: '200 OK' };
    busy.plan = { final: '486 Busy Here' };
    const uris = [slow, fast, busy].map((phone, i) => `sip:p${i}@127.0.0.1:${phone.sipPort}`);
    await using call = await server.tandem.invite(uris);
    expect(call.toUser).toBe('p1');
    await slow.nextRequest('CANCEL');
    await fast.nextRequest('ACK');
  });

  it('forks in sequence, and gives the best refusal when nobody answers', async () => {
    await using server = await openTandem();
    using away = await RawPhone.open();
    using home = await RawPhone.open();
    away.plan = { final: '480 Temporarily Unavailable' };
    const uris = [away, home].map((phone) => `sip:a@127.0.0.1:${phone.sipPort}`);
    await using call = await server.tandem.invite(uris, { strategy: 'sequence' });
    expect(call.state).toBe('confirmed');
    await call.close();

    home.plan = { final: '404 Not Found' };
    await expect(server.tandem.invite(uris)).rejects.toMatchObject({ status: 404 });
    home.plan = { final: '603 Decline' };
    await expect(server.tandem.invite(uris)).rejects.toMatchObject({ status: 603 });
    await expectIdle(server.tandem);
  });

  it.each([
    'bob',
    'sip:',
    'sip:a b@c',
    'sip:a@127.0.0.1:99999',
    'sip:x\r\nX: y@h',
  ])('refuses to call %j', async (uri) => {
    await using server = await openTandem();
    await expect(server.tandem.invite(uri)).rejects.toMatchObject({ code: 'ERR_ARGUMENT' });
    await expectIdle(server.tandem);
  });
});
