import { describe } from 'vitest';
import type { DialogSession } from '../../src/session/dialog-session.ts';
import type { Lab, Phone } from '../../src/testing/index.ts';
import { expect, test } from '../helpers/lab.ts';

interface Talk {
  readonly phone: Phone;
  readonly call: DialogSession;
}

/** A call that came in, or that we made. */
async function talking(lab: Lab, role: 'callee' | 'caller'): Promise<Talk> {
  const phone = lab.phone('phone');
  const { promise, resolve } = Promise.withResolvers<DialogSession>();
  const tandem = await lab.serve(async (call) => {
    await call.answer();
    resolve(call);
    await call.ended;
  });
  if (role === 'callee') {
    await phone.dial('1000');
    return { phone, call: await lab.run(promise) };
  }
  phone.onCall = { answerAfterMs: 0 };
  const call = await lab.run(tandem.invite(phone.uri));
  await phone.isUp();
  return { phone, call };
}

describe.for(['callee', 'caller'] as const)('UPDATE with us as the %s', (role) => {
  test('holds and resumes by either side', async ({ lab }) => {
    const { phone, call } = await talking(lab, role);
    expect((await phone.update({ direction: 'sendonly' })).body).toContain('a=recvonly');
    expect(call.media.audio?.direction).toBe('recvonly');
    expect((await phone.update({ direction: 'sendrecv' })).body).toContain('a=sendrecv');
    await lab.run(call.reInvite({ method: 'UPDATE', direction: 'inactive' }));
    expect(phone.call?.media.direction).toBe('inactive');
    await lab.run(call.reInvite({ method: 'UPDATE', direction: 'sendrecv' }));
    expect(phone.call?.media.direction).toBe('sendrecv');
    await lab.run(call.close());
  });

  test('without an offer moves the call to another Contact', async ({ lab }) => {
    const { phone, call } = await talking(lab, role);
    const contact = phone.uri.replace('phone@', 'desk@');
    expect((await phone.update({ sdp: null, headers: [['Contact', `<${contact}>`]] })).body).toBe('');
    await lab.run(call.close());
    expect((await phone.receives('BYE')).uri).toBe(contact);
  });

  test('is sent again after 491, in the window of its side', async ({ lab }) => {
    const { phone, call } = await talking(lab, role);
    phone.misbehave({ refuses: { UPDATE: 491 } });
    const held = call.reInvite({ method: 'UPDATE', direction: 'sendonly' });
    const first = await phone.receives('UPDATE');
    phone.behave();
    const second = await phone.receives('UPDATE');
    await lab.run(held);
    // A millisecond there and one back.
    const waited = second.at - first.at - 2;
    expect(waited).toBeGreaterThanOrEqual(role === 'caller' ? 2_100 : 0);
    expect(waited).toBeLessThanOrEqual(role === 'caller' ? 4_000 : 2_000);
    await lab.run(call.close());
  });

  test('is sent again after 500 when Retry-After says', async ({ lab }) => {
    const { phone, call } = await talking(lab, role);
    phone.misbehave({
      refuses: { UPDATE: 500 },
      garble: (text) => text.replace('Content-Length', 'Retry-After: 7\r\nContent-Length'),
    });
    const held = call.reInvite({ method: 'UPDATE', direction: 'sendonly' });
    const first = await phone.receives('UPDATE');
    phone.behave();
    expect((await phone.receives('UPDATE')).at - first.at).toBe(7_002);
    await lab.run(held);
    await lab.run(call.close());
  });

  test('that is refused leaves all as it was', async ({ lab }) => {
    const { phone, call } = await talking(lab, role);
    phone.misbehave({ refuses: { UPDATE: 500 } });
    const held = call.reInvite({ method: 'UPDATE', direction: 'sendonly' });
    await expect(lab.run(held)).rejects.toMatchObject({ code: 'ERR_DIALOG_RESPONSE', status: 500 });
    expect(call.media.audio?.direction).toBe('sendrecv');
    phone.behave();
    expect((await phone.update({ codecs: ['G729'] })).status).toBe(488);
    expect((await phone.update({ sdp: 'nonsense' })).status).toBe(400);
    expect(call.media.audio?.codec.name).toBe('PCMU');
    await lab.run(call.close());
  });

  test('of both at once settles', async ({ lab }) => {
    const { phone, call } = await talking(lab, role);
    const ours = call.reInvite({ method: 'UPDATE', direction: 'sendonly' });
    const theirs = phone.update({ direction: 'sendonly' });
    expect((await theirs).status).toBe(200);
    await lab.run(ours);
    expect(phone.received.filter(({ status }) => status === 491)).not.toHaveLength(0);
    expect([call.media.audio?.direction, phone.call?.media.direction]).toEqual(['inactive', 'inactive']);
    await lab.run(call.close());
  });
});

test('an offer by UPDATE needs a dialog, one by re-INVITE an answer', async ({ lab }) => {
  const { promise, resolve } = Promise.withResolvers<unknown>();
  await lab.serve((call) => call.reInvite().catch(resolve));
  const phone = lab.phone('phone');
  phone.invite('1000');
  expect(await lab.run(promise)).toMatchObject({ code: 'ERR_STATE' });
  await phone.ends();
  const tandem = lab.newTandem();
  const call = await lab.run(tandem.newDialog(phone.uri));
  await expect(call.reInvite({ method: 'UPDATE' })).rejects.toMatchObject({ code: 'ERR_STATE' });
  await lab.run(call.close());
});
