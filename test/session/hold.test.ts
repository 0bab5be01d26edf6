import { describe } from 'vitest';
import type { DialogSession } from '../../src/session/dialog-session.ts';
import { type Lab, type Phone, type ReInviteOptions, type SipText, sine } from '../../src/testing/index.ts';
import { expect, test } from '../helpers/lab.ts';

interface Talk {
  readonly phone: Phone;
  readonly call: DialogSession;
  /** `held by remote`, `resumed by local` */
  readonly told: string[];
}

/** A call that echoes. */
async function talking(lab: Lab, address = '10.0.0.1', codecs?: readonly string[]): Promise<Talk> {
  const { promise, resolve } = Promise.withResolvers<DialogSession>();
  const tandem = await lab.serve(
    async (call) => {
      await call.answer();
      resolve(call);
      await call.echo();
    },
    { address },
  );
  const told: string[] = [];
  tandem.observer.on('call:held', ({ by }) => void told.push(`held by ${by}`));
  tandem.observer.on('call:resumed', ({ by }) => void told.push(`resumed by ${by}`));
  const options = { ...(codecs ? { codecs } : {}), ...(address.includes(':') ? { address: 'fd00::1:1' } : {}) };
  const phone = lab.phone('phone', options);
  await phone.dial('1000');
  return { phone, call: await lab.run(promise), told };
}

const directionOf = ({ body }: SipText): string | undefined => /^a=(send\w+|recvonly|inactive)/m.exec(body)?.[1];
const nowhere = (sdp: string): string =>
  sdp.replace(/^c=IN IP4 .*$/m, 'c=IN IP4 0.0.0.0').replace(/^c=IN IP6 .*$/m, 'c=IN IP6 ::');

const forms: [string, string, ReInviteOptions, string][] = [
  ['sendonly', '10.0.0.1', { direction: 'sendonly' }, 'recvonly'],
  ['inactive', '10.0.0.1', { direction: 'inactive' }, 'inactive'],
  ['0.0.0.0', '10.0.0.1', { sdp: nowhere }, 'recvonly'],
  ['0.0.0.0 and inactive', '10.0.0.1', { direction: 'inactive', sdp: nowhere }, 'inactive'],
  ['::', 'fd00::1', { sdp: nowhere }, 'recvonly'],
];

describe.for(forms)('hold by %s', ([_form, address, hold, answered]) => {
  test.for([
    'INVITE',
    'UPDATE',
  ] as const)('in %s is answered, nothing is sent, and resume brings the audio back', async (method, { lab }) => {
    const { phone, call, told } = await talking(lab, address);
    await phone.speak(sine(440));
    await phone.hearsTone(440);
    const again = method === 'INVITE' ? phone.reInvite.bind(phone) : phone.update.bind(phone);
    const answer = await again(hold);
    expect([answer.status, directionOf(answer), call.held]).toEqual([200, answered, 'remote']);
    expect(answer.body).toMatch(/^m=audio [1-9]/m);
    const sent = (await lab.run(call.stats())).sent;
    await lab.advance(2_000);
    expect((await lab.run(call.stats())).sent).toEqual(sent);
    expect(directionOf(await again({ direction: 'sendrecv' }))).toBe('sendrecv');
    expect(call.held).toBeUndefined();
    await phone.speak(sine(660));
    await phone.hearsTone(660);
    await phone.hangup();
    expect(told).toEqual(['held by remote', 'resumed by remote']);
  });
});

describe('our hold', () => {
  test.for([
    [{}, 'sendonly'],
    [{ inactive: true }, 'inactive'],
  ] as const)('with %j is %s, and keeps what we play from nobody but an inactive peer', async ([options, offered], {
    lab,
  }) => {
    const { phone, call, told } = await talking(lab);
    await lab.run(call.hold(options));
    expect(directionOf(await phone.receives('INVITE'))).toBe(offered);
    expect(call.held).toBe('local');
    await lab.run(call.unhold());
    expect(call.held).toBeUndefined();
    await lab.advance(10);
    expect(told).toEqual(['held by local', 'resumed by local']);
    await phone.hangup();
  });

  test('and the one of the peer are told apart', async ({ lab }) => {
    const { phone, call, told } = await talking(lab);
    await phone.hold();
    await lab.run(call.hold());
    expect([call.held, call.media.audio?.direction]).toEqual(['both', 'inactive']);
    await phone.resume();
    expect([call.held, call.media.audio?.direction]).toEqual(['local', 'sendonly']);
    await phone.hold();
    await lab.run(call.unhold());
    expect([call.held, call.media.audio?.direction]).toEqual(['remote', 'recvonly']);
    await phone.hangup();
    expect(told).toEqual([
      ...['held by remote', 'held by local', 'resumed by remote', 'held by remote', 'resumed by local'],
    ]);
  });
});

describe('a re-INVITE without an offer', () => {
  test('gets all that we can, not what the peer held us to (RFC 6337 §5.2.5)', async ({ lab }) => {
    const { phone, call } = await talking(lab, '10.0.0.1', ['PCMA', 'telephone-event']);
    await phone.hold();
    const offer = await phone.reInvite({ sdp: null });
    expect(directionOf(offer)).toBe('sendrecv');
    expect(offer.body).toMatch(/m=audio \d+ RTP\/AVP 8 0 \d+/);
    await phone.resume();
    await phone.speak(sine(440));
    await phone.hearsTone(440);
    expect(call.held).toBeUndefined();
    await phone.hangup();
  });

  test('gets our own hold', async ({ lab }) => {
    const { phone, call } = await talking(lab);
    await lab.run(call.hold());
    expect(directionOf(await phone.reInvite({ sdp: null }))).toBe('sendonly');
    expect(call.held).toBe('local');
    await phone.hangup();
  });

  test('ends the call when its ACK has no answer', async ({ lab }) => {
    const { phone, call } = await talking(lab);
    phone.misbehave({ sdp: () => '' });
    await phone.reInvite({ sdp: null });
    expect(await lab.run(call.ended)).toMatchObject({ by: 'error', status: 488 });
  });
});

describe('what does not fit', () => {
  const fax = (sdp: string): string => sdp.replace(/^m=audio[\s\S]*/m, 'm=image 9 udptl t38\r\na=T38FaxVersion:0\r\n');
  const offers: [string, (sdp: string) => string, string][] = [
    ['T.38', fax, '304 tandem "the offer has no audio stream"'],
    ['a codec that we have not', (sdp) => sdp.replace(/^m=.*$/m, 'm=audio 4000 RTP/AVP 18'), '305 tandem "no codec'],
    ['another transport', (sdp) => sdp.replace('RTP/AVP', 'TCP/RTP/AVP'), '302 tandem "audio over TCP/RTP/AVP'],
    ['another network', (sdp) => sdp.replace(/^c=.*$/m, 'c=IN IP6 fd00::9'), '301 tandem "audio at an IPv6'],
    ['multicast', (sdp) => sdp.replace(/^c=.*$/m, 'c=IN IP4 239.1.1.1'), '330 tandem "audio to a multicast'],
  ];

  test.for(offers)('%s is refused with 488 and a Warning, and the audio goes on', async ([_what, sdp, warning], {
    lab,
  }) => {
    const { phone, call } = await talking(lab);
    const refused = await phone.reInvite({ sdp });
    expect(refused.status).toBe(488);
    expect(refused.header('warning')).toContain(warning);
    await phone.speak(sine(440));
    await phone.hearsTone(440);
    expect(call.state).toBe('confirmed');
    await phone.hangup();
    const call2 = phone.invite('1000', { sdp });
    await phone.ends();
    expect(call2.status).toBe(488);
    expect(call2.lastWord?.header('warning')).toContain(warning);
  });

  test('T.38 beside audio is refused by itself', async ({ lab }) => {
    const { phone } = await talking(lab);
    const answer = await phone.reInvite({ sdp: (sdp) => `${sdp}m=image 9 udptl t38\r\n` });
    expect(answer.status).toBe(200);
    expect(answer.body).toMatch(/^m=audio [1-9][\s\S]*^m=image 0 udptl t38/m);
    await phone.hangup();
  });
});
