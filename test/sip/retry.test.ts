import { expect, it } from 'vitest';
import type { InviteOptions } from '../../src/sip/endpoint.ts';
import { address, openLab, type Received, reply } from './lab.ts';

const target = 'sip:peer@10.0.0.2:5070';
const minSE = ['Min-SE: 600'];
const challenge = ['Proxy-Authenticate: Digest realm="r", nonce="n1", qop="auth", algorithm=MD5'];

async function calling(options: Partial<InviteOptions>) {
  const lab = await openLab();
  const headers = [['Session-Expires', '90']] as const;
  const client = lab.endpoint.invite({
    uri: target,
    from: address('sip:a@x'),
    to: address(target),
    headers,
    ...options,
  });
  await lab.clock.advance(0);
  return { lab, client };
}

it('a refused INVITE is sent again with other headers: same call, next number, new branch', async () => {
  const { lab, client } = await calling({
    retry: ({ status }) => (status === 422 ? [['Session-Expires', '600']] : undefined),
  });
  const first = lab.last();
  await lab.send(reply(first, 422, { headers: minSE }));
  expect(lab.heard()).toEqual(['INVITE', 'ACK', 'INVITE']);
  const again = lab.last();
  expect(again.all('Session-Expires')).toEqual(['600']);
  expect([again.get('Call-ID'), again.get('From'), again.get('To')]).toEqual([
    ...[first.get('Call-ID'), first.get('From'), first.get('To')],
  ]);
  expect(again.get('CSeq')).toBe('2 INVITE');
  expect(again.get('Via')).not.toBe(first.get('Via'));
  await lab.send(reply(again, 486));
  expect((await client.final).response.status).toBe(486);
});

it('what it has shown to a proxy it shows again, with the next count, and it may be asked anew', async () => {
  const { lab, client } = await calling({
    credentials: { username: 'u', password: 'p' },
    retry: ({ status }) => (status === 422 ? [['Session-Expires', '600']] : undefined),
  });
  await lab.send(reply(lab.last(), 407, { headers: challenge }));
  expect(lab.last().get('Proxy-Authorization')).toContain('nc=00000001');
  await lab.send(reply(lab.last(), 422, { headers: minSE }));
  expect(lab.last().get('Proxy-Authorization')).toContain('nc=00000002');
  await lab.send(reply(lab.last(), 407, { headers: [challenge[0]?.replace('n1', 'n2') ?? ''] }));
  expect(lab.last().get('Proxy-Authorization')).toContain('nonce="n2"');
  expect([lab.last().get('CSeq'), lab.last().get('Session-Expires')]).toEqual(['4 INVITE', '600']);
  await lab.send(reply(lab.last(), 486));
  expect((await client.final).response.status).toBe(486);
});

it('a call that is cancelled meanwhile is not made again', async () => {
  const { lab, client } = await calling({ retry: () => [['Session-Expires', '600']] });
  await lab.send(reply(lab.last(), 180));
  client.cancel();
  await lab.send(reply(lab.inbox[0] as Received, 422, { headers: minSE }));
  expect((await client.final).response.status).toBe(422);
  expect(lab.heard().filter((what) => what === 'INVITE')).toHaveLength(1);
});
