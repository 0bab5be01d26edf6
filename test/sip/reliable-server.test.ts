import { describe, expect, it } from 'vitest';
import type { IncomingRequest, InviteServer } from '../../src/sip/endpoint.ts';
import { type Lab, openLab, type RequestSpec, sdp, write } from './lab.ts';

const content = { contentType: 'application/sdp', body: Buffer.from(sdp) };

interface Ringing {
  readonly lab: Lab;
  readonly invite: InviteServer;
  /** PRACKs with SDP, and UPDATEs. */
  readonly asked: IncomingRequest[];
  /** PRACK of the last response. */
  prack(spec?: RequestSpec): Promise<void>;
}

/** An INVITE of a peer that supports 100rel. */
async function ringing(body = sdp): Promise<Ringing> {
  const lab = await openLab({ methods: ['UPDATE', 'PRACK'], supported: ['100rel'] });
  const invites: InviteServer[] = [];
  lab.endpoint.onInvite = (invite) => invites.push(invite);
  await lab.send(write({ body, headers: ['Supported: 100rel'] }));
  await lab.clock.advance(0);
  const [invite] = invites as [InviteServer];
  const asked: IncomingRequest[] = [];
  invite.dialog.onRequest = (request) => asked.push(request);
  let seq = 1;
  const prack = async (spec: RequestSpec = {}): Promise<void> => {
    const last = lab.inbox.findLast((message) => message.get('RSeq') !== '');
    const rack = `RAck: ${last?.get('RSeq')} 1 INVITE`;
    await lab.send(write({ method: 'PRACK', seq: ++seq, to: last?.get('To') ?? '', headers: [rack], ...spec }));
  };
  return { lab, invite, asked, prack };
}

const times = (lab: Lab, what: string): number[] =>
  lab.inbox.filter((message) => message.what === what).map(({ at }) => at);

describe('a reliable provisional response', () => {
  it('has a number, says what it is, and is sent by T1·2^n until its PRACK', async () => {
    const { lab, invite, prack } = await ringing();
    invite.provisional(183, { ...content, reliable: true });
    await lab.clock.advance(4_000);
    expect(times(lab, '183')).toEqual([0, 500, 1_500, 3_500]);
    const response = lab.last();
    expect([response.get('Require'), response.get('Contact')]).toEqual(['100rel', '<sip:1000@10.0.0.1:5060>']);
    expect(Number(response.get('RSeq'))).toBeGreaterThan(0);
    expect(response.get('Allow')).toContain('UPDATE');
    await prack();
    expect(lab.last().what).toBe('200');
    expect(lab.last().get('CSeq')).toBe('2 PRACK');
    await lab.clock.advance(40_000);
    expect(times(lab, '183')).toHaveLength(4);
    invite.reject(486);
  });

  it('comes after those before it are acknowledged, one number higher', async () => {
    const { lab, invite, prack } = await ringing();
    invite.provisional(180, { reliable: true });
    invite.provisional(183, { ...content, reliable: true });
    await lab.clock.advance(100);
    expect(lab.heard()).toEqual(['180']);
    const first = Number(lab.last().get('RSeq'));
    await prack();
    expect(lab.heard()).toEqual(['180', '183', '200']);
    expect(Number(lab.inbox[1]?.get('RSeq'))).toBe(first + 1);
    await prack();
    invite.reject(486);
  });

  it('that is never acknowledged ends the INVITE with 504 after 64·T1', async () => {
    const { lab, invite } = await ringing();
    const cancels: unknown[] = [];
    invite.onCancel = (cancel, status) => cancels.push([cancel, status]);
    invite.provisional(183, { ...content, reliable: true });
    await lab.clock.advance(31_999);
    expect(times(lab, '183')).toEqual([0, 500, 1_500, 3_500, 7_500, 15_500, 31_500]);
    await lab.clock.advance(1);
    expect(lab.last().what).toBe('504');
    expect(cancels).toEqual([[undefined, 504]]);
    await lab.send(write({ method: 'ACK', to: lab.last().get('To') }));
    await lab.clock.advance(70_000);
    expect(lab.endpoint.stats).toMatchObject({ transactions: 0, dialogs: 0, timers: 0 });
  });

  it('with SDP keeps the 2xx waiting, which has no PRACK to wait for without', async () => {
    const { lab, invite, prack } = await ringing();
    invite.provisional(183, { ...content, reliable: true });
    expect(() => invite.accept()).toThrow(/no PRACK/);
    let acknowledged = false;
    void invite.acknowledged().then(() => {
      acknowledged = true;
    });
    await lab.clock.advance(100);
    expect(acknowledged).toBe(false);
    await prack();
    expect(acknowledged).toBe(true);
    invite.provisional(180, { reliable: true });
    await lab.clock.advance(0);
    await invite.acknowledged();
    invite.accept();
    await lab.clock.advance(0);
    expect(lab.heard()).toEqual(['183', '200', '180', '200']);
    // Its PRACK crosses the 2xx: it still counts, and nothing is sent again.
    await prack();
    expect(lab.last().get('CSeq')).toBe('3 PRACK');
    expect(lab.last().what).toBe('200');
    await lab.send(write({ method: 'ACK', to: lab.last().get('To') }));
    await lab.clock.advance(40_000);
    expect(times(lab, '180')).toHaveLength(1);
  });

  it('says each minute that it rings, without its SDP', async () => {
    const { lab, invite, prack } = await ringing();
    invite.provisional(183, { ...content, reliable: true });
    await lab.clock.advance(0);
    await prack();
    await lab.clock.advance(60_000);
    expect(lab.last().what).toBe('183');
    expect(lab.last().text).not.toContain('m=audio');
    await prack();
    invite.reject(486);
  });

  const wrong: [string, RequestSpec][] = [
    ['another RSeq', { headers: ['RAck: 1 1 INVITE'] }],
    ['another CSeq', { headers: ['RAck: 7 2 INVITE'] }],
    ['no RAck', { headers: [] }],
    ['a RAck of four words', { headers: ['RAck: 7 1 INVITE x'] }],
    ['a RAck of garbage', { headers: ['RAck: 99999999999999999999'] }],
  ];
  it.each(wrong)('is not acknowledged by a PRACK with %s', async (_name, spec) => {
    const { lab, invite, prack } = await ringing();
    invite.provisional(180, { reliable: true });
    await lab.clock.advance(0);
    const rseq = lab.last().get('RSeq');
    const headers = spec.headers?.map((line) => line.replace(' 7 ', ` ${rseq} `)) ?? [];
    await prack({ ...spec, headers });
    expect(lab.last().what).toBe('481');
    await lab.clock.advance(500);
    expect(times(lab, '180')).toHaveLength(2);
    await prack();
    expect(lab.last().what).toBe('200');
    // It was the last word on this one.
    await prack();
    expect(lab.last().what).toBe('481');
    invite.reject(486);
  });

  it('lets go of everything when the INVITE is cancelled or refused', async () => {
    const { lab, invite } = await ringing();
    invite.provisional(180, { reliable: true });
    invite.provisional(183, { ...content, reliable: true });
    await lab.clock.advance(0);
    const branch = /branch=(\w+)/.exec(lab.last().get('Via'))?.[1] ?? '';
    await lab.send(write({ method: 'CANCEL', branch }));
    await lab.send(write({ method: 'ACK', branch, to: lab.last().get('To') }));
    await lab.clock.advance(40_000);
    expect(lab.heard()).toEqual(['180', '200', '487']);
    expect(lab.endpoint.stats).toMatchObject({ transactions: 0, dialogs: 0, timers: 0 });
  });
});

describe('offers before the answer', () => {
  it('in UPDATE are refused with 500 until the INVITE has its answer by a reliable response', async () => {
    const { lab, invite, asked, prack } = await ringing();
    invite.provisional(183, content);
    await lab.clock.advance(0);
    const to = lab.last().get('To');
    await lab.send(write({ method: 'UPDATE', seq: 2, to, body: sdp }));
    expect(lab.last().what).toBe('500');
    invite.provisional(183, { ...content, reliable: true });
    await lab.clock.advance(0);
    await prack({ seq: 3 });
    await lab.send(write({ method: 'UPDATE', seq: 4, to, body: sdp }));
    expect(asked.map(({ request }) => request.method)).toEqual(['UPDATE']);
    asked[0]?.respond(200, content);
    await lab.clock.advance(0);
    expect(lab.last().what).toBe('200');
    invite.reject(486);
  });

  it('in UPDATE are ours to make as well, then', async () => {
    const { lab, invite, prack } = await ringing();
    expect((await invite.dialog.request('UPDATE', content)).status).toBe(491);
    invite.provisional(183, { ...content, reliable: true });
    await lab.clock.advance(0);
    await prack();
    void invite.dialog.request('UPDATE', content);
    await lab.clock.advance(0);
    expect(lab.last().what).toBe('UPDATE');
    invite.reject(486);
  });

  it('in PRACK are handed on, and answered in its 2xx', async () => {
    const { lab, invite, asked, prack } = await ringing();
    invite.provisional(183, { ...content, reliable: true });
    await lab.clock.advance(0);
    await prack({ body: sdp });
    expect(lab.heard()).toEqual(['183']);
    asked[0]?.respond(200, content);
    await lab.clock.advance(0);
    expect(lab.last().text).toContain('m=audio');
    expect(lab.last().get('CSeq')).toBe('2 PRACK');
    await lab.clock.advance(5_000);
    expect(times(lab, '183')).toHaveLength(1);
    invite.reject(486);
  });

  it('in PRACK that cross the first are refused, and acknowledge all the same', async () => {
    const { lab, invite, asked, prack } = await ringing();
    invite.provisional(180, { reliable: true });
    await lab.clock.advance(0);
    await prack({ body: sdp });
    expect(lab.last().what).toBe('500');
    await lab.clock.advance(5_000);
    expect([times(lab, '180').length, asked.length]).toEqual([1, 0]);
    invite.reject(486);
  });

  it('of ours, to an INVITE without one, have their answer in PRACK', async () => {
    const { lab, invite, asked, prack } = await ringing('');
    invite.provisional(183, { ...content, reliable: true });
    await lab.clock.advance(0);
    const to = lab.last().get('To');
    await lab.send(write({ method: 'UPDATE', seq: 2, to, body: sdp }));
    expect(lab.last().what).toBe('491');
    await prack({ seq: 3, body: sdp });
    asked[0]?.respond(200);
    await lab.send(write({ method: 'UPDATE', seq: 4, to, body: sdp }));
    expect(asked.map(({ request }) => request.method)).toEqual(['PRACK', 'UPDATE']);
    invite.reject(486);
  });

  it('of another type than SDP are refused with 415', async () => {
    const { lab, invite, prack } = await ringing();
    invite.provisional(180, { reliable: true });
    await lab.clock.advance(0);
    const last = lab.last();
    const headers = [`RAck: ${last.get('RSeq')} 1 INVITE`, 'Content-Type: text/plain'];
    const text = write({ method: 'PRACK', seq: 9, to: last.get('To'), headers, body: 'hello' });
    await lab.send(text.replace('Content-Type: application/sdp\r\n', ''));
    expect(lab.last().what).toBe('415');
    await prack({ seq: 10 });
    invite.reject(486);
  });
});

it('PRACK outside of any INVITE is 481', async () => {
  const lab = await openLab({ methods: ['PRACK'] });
  await lab.send(write({ method: 'PRACK', to: '<sip:1000@10.0.0.1>;tag=none', headers: ['RAck: 1 1 INVITE'] }));
  expect(lab.last().what).toBe('481');
});
