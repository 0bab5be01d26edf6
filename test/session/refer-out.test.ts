import { describe } from 'vitest';
import type { DialogClientSession } from '../../src/session/dialog-client-session.ts';
import type { Lab, Phone } from '../../src/testing/index.ts';
import { expect, test } from '../helpers/lab.ts';

/** Tandem has called bob; carol is there, too. */
async function calling(lab: Lab): Promise<[DialogClientSession, Phone, Phone]> {
  const [bob, carol] = [lab.phone('bob'), lab.phone('carol')];
  bob.onCall = carol.onCall = { answerAfterMs: 0 };
  const tandem = await lab.serve(() => {});
  const call = await lab.run(tandem.invite(bob.uri));
  await bob.isUp();
  return [call, bob, carol];
}

/** The same, and bob accepts a REFER and does nothing: what he tells is the test's. */
async function accepting(lab: Lab): Promise<[DialogClientSession, Phone]> {
  const [call, bob] = await calling(lab);
  bob.misbehave({ refuses: { REFER: 202 } });
  return [call, bob];
}

function notify(bob: Phone, fragment: string, state = 'active;expires=60', event = 'refer') {
  return bob.request('NOTIFY', {
    headers: [
      ['Event', event],
      ['Subscription-State', state],
    ],
    type: 'message/sipfrag;version=2.0',
    body: fragment === '' ? '' : `${fragment}\r\n`,
  });
}

/** What a promise came to, as far as it has. */
function outcomeOf(promise: Promise<unknown>): { value?: unknown; error?: unknown } {
  const seen: { value?: unknown; error?: unknown } = {};
  promise.then(
    (value) => {
      seen.value = value;
    },
    (error: unknown) => {
      seen.error = error;
    },
  );
  return seen;
}

describe('refer', () => {
  test('resolves with what became of the call to the target', async ({ lab }) => {
    const [call, bob, carol] = await calling(lab);
    const told: number[] = [];
    const outcome = await lab.run(call.refer(carol.uri, { onNotify: ({ status }) => told.push(status) }));
    expect(outcome).toEqual({ status: 200, reason: 'OK' });
    expect(told).toEqual([100, 200]);
    const refer = await bob.receives('REFER');
    expect(refer.uriOf('refer-to')).toBe(carol.uri);
    expect(refer.header('referred-by')).toBe('<sip:tandem@10.0.0.1>');
    expect(call.state).toBe('confirmed');
    await lab.run(call.hangup());
  });

  test('resolves with a refusal of the target, too', async ({ lab }) => {
    const [call, , carol] = await calling(lab);
    carol.onCall = { reject: 486 };
    expect(await lab.run(call.refer(carol.uri))).toEqual({ status: 486, reason: 'Busy Here' });
  });

  test('replaces a call of ours at the target', async ({ lab }) => {
    const [call, bob, carol] = await calling(lab);
    const tandem = await lab.serve(() => {});
    const other = await lab.run(tandem.invite(carol.uri));
    // Another Tandem's call, known by its names alone.
    expect(await lab.run(call.refer(other.remoteTarget ?? '', { replaces: other }))).toMatchObject({ status: 200 });
    expect(await lab.run(other.ended)).toMatchObject({ by: 'remote', method: 'BYE' });
    expect((await carol.rings()).header('replaces')).toContain(other.callId);
    await lab.run(call.hangup());
    await bob.hangup();
  });

  test('rejects when the peer refuses the REFER', async ({ lab }) => {
    const [call, bob, carol] = await calling(lab);
    bob.misbehave({ refuses: { REFER: 603 } });
    await expect(lab.run(call.refer(carol.uri))).rejects.toMatchObject({
      code: 'ERR_DIALOG_RESPONSE',
      status: 603,
      message: 'REFER refused: 603 Decline',
    });
    expect(call.state).toBe('confirmed');
  });

  test('times out when the peer tells nothing that decides it', async ({ lab }) => {
    const [call, bob] = await accepting(lab);
    const work = call.refer('sip:carol@carol', { timeout: 5000 });
    const seen = outcomeOf(work);
    await notify(bob, 'SIP/2.0 180 Ringing');
    await lab.advance(5000);
    expect(seen.error).toMatchObject({ code: 'ERR_TIMEOUT', status: 408 });
    // It knows nothing of it any more, and says so.
    expect((await notify(bob, 'SIP/2.0 200 OK', 'terminated;reason=noresource')).status).toBe(481);
    expect(call.state).toBe('confirmed');
  });

  test('rejects when the peer tells no more before it is decided', async ({ lab }) => {
    const [call, bob] = await accepting(lab);
    const seen = outcomeOf(call.refer('sip:carol@carol'));
    await lab.advance(10);
    await notify(bob, 'SIP/2.0 100 Trying', 'terminated;reason=giveup');
    expect(seen.error).toMatchObject({ code: 'ERR_REFER', facts: { reason: 'giveup' } });
  });

  test('needs no 202 before the report', async ({ lab }) => {
    const [call, bob] = await calling(lab);
    bob.misbehave({ ignores: ['REFER'] });
    const seen = outcomeOf(call.refer('sip:carol@carol'));
    await bob.receives('REFER');
    expect((await notify(bob, 'SIP/2.0 200 OK', 'terminated;reason=noresource')).status).toBe(200);
    expect(seen.value).toEqual({ status: 200, reason: 'OK' });
    bob.behave();
  });

  test('tells several apart by the number of their REFER', async ({ lab }) => {
    const [call, bob] = await accepting(lab);
    const seen = ['one', 'two', 'three'].map((user) => outcomeOf(call.refer(`sip:${user}@carol`)));
    const numbers: number[] = [];
    for (let i = 0; i < 3; i++) numbers.push((await bob.receives('REFER')).cseq.seq);
    await notify(bob, 'SIP/2.0 486 Busy Here', 'terminated', `refer;id=${numbers[1]}`);
    await notify(bob, 'SIP/2.0 200 OK', 'terminated', `refer;id=${numbers[2]}`);
    expect((await notify(bob, 'SIP/2.0 200 OK', 'terminated', 'refer;id=99')).status).toBe(481);
    // Without a number it is about the first (RFC 3515 §2.4.6).
    await notify(bob, 'SIP/2.0 404 Not Found', 'terminated');
    expect(seen.map(({ value }) => (value as { status: number }).status)).toEqual([404, 486, 200]);
  });

  test('resolves with the 202 of a peer that will tell nothing (RFC 4488)', async ({ lab }) => {
    const [call, bob] = await calling(lab);
    bob.misbehave({
      refuses: { REFER: 202 },
      garble: (text) => text.replace('SIP/2.0 202 Accepted\r\n', 'SIP/2.0 202 Accepted\r\nRefer-Sub: false\r\n'),
    });
    expect(await lab.run(call.refer('sip:carol@carol'))).toEqual({ status: 202, reason: 'Accepted' });
  });

  test('ends with the call', async ({ lab }) => {
    const [call, bob] = await accepting(lab);
    const seen = outcomeOf(call.refer('sip:carol@carol'));
    await bob.receives('REFER');
    await bob.hangup();
    expect(seen.error).toMatchObject({ code: 'ERR_DIALOG_ENDED' });
    await expect(call.refer('sip:carol@carol')).rejects.toMatchObject({ code: 'ERR_DIALOG_ENDED' });
  });

  test('is given up by its signal', async ({ lab }) => {
    const [call, bob] = await accepting(lab);
    const control = new AbortController();
    const seen = outcomeOf(call.refer('sip:carol@carol', { signal: control.signal }));
    await bob.receives('REFER');
    control.abort(new Error('no longer'));
    await lab.advance(1);
    expect(seen.error).toMatchObject({ message: 'no longer' });
  });

  test('refuses what is no URI, and a header that cannot be sent', async ({ lab }) => {
    const [call] = await calling(lab);
    await expect(call.refer('carol')).rejects.toMatchObject({ code: 'ERR_ARGUMENT' });
    await expect(call.refer('sip:a@b', { headers: [['X-A', 'b\r\nc']] })).rejects.toMatchObject({
      code: 'ERR_HEADER_INJECTION',
    });
    expect(lab.clock.pendingTimers().filter(({ label }) => label === 'transfer outcome')).toEqual([]);
  });
});

describe('a NOTIFY in a call', () => {
  test.for([
    ['SIP/2.0 200 OK', 'refer', 'message/sipfrag', 481],
    ['hello', 'message-summary', 'text/plain', 489],
    ['hello', '', 'text/plain', 489],
    ['hello', '@', 'text/plain', 489],
  ] as const)('nobody asked for: %s about %s of %s gets %i', async ([body, event, type, status], { lab }) => {
    const [call, bob] = await calling(lab);
    const headers = event === '' ? [] : ([['Event', event]] as const);
    const response = await bob.request('NOTIFY', { headers, type, body });
    expect(response.status).toBe(status);
    if (status === 489) expect(response.header('allow-events')).toBe('refer');
    expect(call.state).toBe('confirmed');
  });

  test('about a transfer has to be a piece of SIP; nonsense in it decides nothing', async ({ lab }) => {
    const [call, bob] = await accepting(lab);
    const seen = outcomeOf(call.refer('sip:carol@carol'));
    await bob.receives('REFER');
    const text = await bob.request('NOTIFY', {
      headers: [['Event', 'refer']],
      type: 'text/plain',
      body: 'SIP/2.0 200 OK',
    });
    expect([text.status, text.header('accept')]).toEqual([415, 'message/sipfrag']);
    for (const nonsense of ['', 'SIP/2.0 999 What', 'SIP/2.0', 'x'.repeat(3000), '\0\0\0'])
      expect((await notify(bob, nonsense)).status).toBe(200);
    expect(seen).toEqual({});
    await notify(bob, 'SIP/2.0 200', 'terminated;reason=noresource');
    expect(seen.value).toEqual({ status: 200, reason: 'OK' });
  });
});
