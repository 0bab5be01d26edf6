import { describe } from 'vitest';
import { DialogResponseError } from '../../src/session/errors.ts';
import type { Tandem } from '../../src/tandem.ts';
import type { Lab } from '../../src/testing/index.ts';
import { expect, test } from '../helpers/lab.ts';

/** A Tandem that nobody calls. */
const caller = (lab: Lab): Promise<Tandem> => lab.serve(() => {});

describe('an outgoing call', () => {
  test('names its caller, and is answered, ACKed and hung up', async ({ lab }) => {
    const tandem = await caller(lab);
    const bob = lab.phone('bob');
    bob.onCall = { answerAfterMs: 1_000 };
    const call = await lab.run(tandem.invite(bob.uri, { displayName: 'A "quoted" name' }));
    expect(call.state).toBe('confirmed');
    const invite = await bob.receives('INVITE');
    expect(invite.startLine).toBe(`INVITE ${bob.uri} SIP/2.0`);
    expect(invite.header('from')).toContain('"A \\"quoted\\" name"');
    await bob.receives('ACK');
    await lab.run(call.close());
    expect((await bob.ends())?.what).toBe('BYE');
    expect(await call.ended).toMatchObject({ by: 'local' });
  });

  test('rejects with the refusal', async ({ lab }) => {
    const tandem = await caller(lab);
    const bob = lab.phone('bob');
    bob.onCall = { reject: 486, rejectAfterMs: 1_000 };
    const seen: number[] = [];
    const invited = tandem.invite(bob.uri, { onResponse: ({ status }) => seen.push(status) });
    const error = await lab.run(invited).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(DialogResponseError);
    expect(error).toMatchObject({ code: 'ERR_DIALOG_RESPONSE', status: 486, reason: 'Busy Here' });
    expect(seen).toEqual([180, 486]);
    await bob.receives('ACK');
  });

  test('is cancelled by a signal', async ({ lab }) => {
    const tandem = await caller(lab);
    const bob = lab.phone('bob');
    const abort = new AbortController();
    const onResponse = (): void => abort.abort(new Error('enough'));
    await expect(lab.run(tandem.invite(bob.uri, { signal: abort.signal, onResponse }))).rejects.toThrow('enough');
    await bob.receives('CANCEL');
  });

  test('is cancelled by a timeout', async ({ lab }) => {
    const tandem = await caller(lab);
    const bob = lab.phone('bob');
    const invited = tandem.invite(bob.uri, { timeout: 30_000 });
    await expect(lab.run(invited)).rejects.toMatchObject({ code: 'ERR_TIMEOUT', status: 408 });
    expect((await bob.receives('CANCEL')).at).toBe(30_001);
  });

  test('is cancelled by cancel()', async ({ lab }) => {
    const tandem = await caller(lab);
    const bob = lab.phone('bob');
    const call = await lab.run(tandem.newDialog(bob.uri));
    const invited = call.invite({ onResponse: () => void call.cancel() });
    await expect(lab.run(invited)).rejects.toMatchObject({ code: 'ERR_DIALOG_ENDED' });
    await bob.receives('CANCEL');
  });

  test('gets ACK and BYE when the answer has no usable codec', async ({ lab }) => {
    const tandem = await caller(lab);
    const bob = lab.phone('bob');
    bob.onCall = { answerAfterMs: 0 };
    bob.misbehave({ sdp: (sdp) => sdp.replace(/^m=.*$/m, 'm=audio 4000 RTP/AVP 18') });
    await expect(lab.run(tandem.invite(bob.uri))).rejects.toMatchObject({ code: 'ERR_SDP', status: 488 });
    await bob.receives('ACK');
    await bob.receives('BYE');
  });

  test('is ended by the far end', async ({ lab }) => {
    const tandem = await caller(lab);
    const bob = lab.phone('bob');
    bob.onCall = { answerAfterMs: 0 };
    const call = await lab.run(tandem.invite(bob.uri));
    await bob.isUp();
    await bob.hangup();
    expect(await call.ended).toMatchObject({ by: 'remote', method: 'BYE' });
    await expect(call.request('INFO')).rejects.toMatchObject({ code: 'ERR_DIALOG_ENDED' });
  });

  test('goes on hold and back by re-INVITE, and tries again on glare', async ({ lab }) => {
    const tandem = await caller(lab);
    const bob = lab.phone('bob');
    bob.onCall = { answerAfterMs: 0 };
    const call = await lab.run(tandem.invite(bob.uri));
    await bob.receives('ACK');
    bob.misbehave({ refuses: { INVITE: 491 } });
    const held = call.hold();
    const offered = async () => /a=(send\w+)/.exec((await bob.receives('INVITE')).body)?.[1];
    expect(await offered()).toBe('sendonly');
    await bob.receives('ACK');
    bob.behave();
    expect(await offered()).toBe('sendonly');
    await lab.run(held);
    expect(call.media.audio?.direction).toBe('sendonly');

    bob.misbehave({ refuses: { INVITE: 488 } });
    await expect(lab.run(call.unhold())).rejects.toMatchObject({ status: 488 });
    expect(await offered()).toBe('sendrecv');
    expect(call.media.audio?.direction).toBe('sendonly');
  });

  test('forks in parallel: the first to answer gets it, the others are cancelled', async ({ lab }) => {
    const tandem = await caller(lab);
    const [slow, fast, busy] = [lab.phone('slow'), lab.phone('fast'), lab.phone('busy')];
    fast.onCall = { answerAfterMs: 2_000 };
    busy.onCall = { reject: 486 };
    const call = await lab.run(tandem.invite([slow.uri, fast.uri, busy.uri]));
    expect(call.toUser).toBe('fast');
    await slow.receives('CANCEL');
    await fast.receives('ACK');
    await lab.run(call.close());
  });

  test('forks in sequence, and gives the best refusal when nobody answers', async ({ lab }) => {
    const tandem = await caller(lab);
    const [away, home] = [lab.phone('away'), lab.phone('home')];
    away.onCall = { reject: 480 };
    home.onCall = { answerAfterMs: 2_000 };
    const uris = [away.uri, home.uri];
    const call = await lab.run(tandem.invite(uris, { strategy: 'sequence' }));
    expect(call.state).toBe('confirmed');
    await lab.run(call.close());

    home.onCall = { reject: 404 };
    await expect(lab.run(tandem.invite(uris))).rejects.toMatchObject({ status: 404 });
    home.onCall = { reject: 603 };
    await expect(lab.run(tandem.invite(uris))).rejects.toMatchObject({ status: 603 });
  });

  test.for(['bob', 'sip:', 'sip:a b@c', 'sip:a@127.0.0.1:99999', 'sip:x\r\nX: y@h'])('refuses to call %j', async (uri, {
    lab,
  }) => {
    const tandem = await caller(lab);
    await expect(tandem.invite(uri)).rejects.toMatchObject({ code: 'ERR_ARGUMENT' });
  });
});
