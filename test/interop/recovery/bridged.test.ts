/** A bridged call whose server is killed again and again: it goes on, and ends when the caller hangs up. */
import { afterEach, describe, expect, it } from 'vitest';
import { TestAuthority } from '../../helpers/certificates.ts';
import { TlsLink } from '../../helpers/raw-link.ts';
import { RawPhone } from '../../helpers/raw-phone.ts';
import { RawSrtp } from '../../helpers/raw-srtp.ts';
import { DurableServer } from '../support/durable.ts';
import { expectNoPrograms } from '../support/process.ts';
import { expectOneStream, hearsMore, kills, longestGap, requestsOf, Talker, wordsLost } from './talk.ts';

const [callersVoice, calleesVoice] = [0x11, 0x22];

afterEach(expectNoPrograms);

/** The call of `caller` goes on over all kills, and is ended by its BYE. */
async function survives(server: DurableServer, caller: RawPhone, callee: RawPhone, port: number): Promise<void> {
  expect((await caller.call(port)).status).toBe(200);
  await callee.nextRequest('ACK');
  const talkers = [new Talker(caller, callersVoice), new Talker(callee, calleesVoice)];
  await Promise.all([hearsMore(caller, 100), hearsMore(callee, 100)]);
  const gaps: number[][] = [];
  for (let kill = 0; kill < kills; kill++) {
    const from = [caller, callee].map(({ packets }) => packets.length - 1);
    await server.kill();
    await server.again();
    await Promise.all([hearsMore(caller, 100), hearsMore(callee, 100)]);
    gaps.push([caller, callee].map(({ packets }, side) => Math.round(longestGap(packets.slice(from[side])))));
  }
  console.log(`longest gap at caller and callee, ms: ${gaps.map((pair) => pair.join('/')).join(', ')}`);
  for (const talker of talkers) await talker.stop();
  expect(requestsOf(caller)).not.toContain('BYE');
  expect(requestsOf(callee)).not.toContain('BYE');
  expect((await caller.bye()).status).toBe(200);
  await callee.nextRequest('BYE');
  expectOneStream(caller, calleesVoice);
  expectOneStream(callee, callersVoice);
  console.log(`words lost: ${wordsLost(caller.packets)}, ${wordsLost(callee.packets)} of ${caller.packets.length}`);
  await expect.poll(async () => (await server.check()).calls).toBe(0);
}

describe('a call through examples/b2bua.ts survives kill -9', () => {
  it('with plain RTP', async () => {
    using caller = await RawPhone.open();
    using callee = await RawPhone.open();
    await using server = await DurableServer.start('examples/b2bua.ts', {
      env: { TARGET: `sip:uas@127.0.0.1:${callee.sipPort}` },
    });
    await survives(server, caller, callee, server.port);
  });

  it('with SRTP: every packet authenticates, no index is used twice', async () => {
    using caller = await RawPhone.open({ srtp: new RawSrtp() });
    using callee = await RawPhone.open({ srtp: new RawSrtp() });
    await using server = await DurableServer.start('examples/b2bua.ts', {
      env: { TARGET: `sip:uas@127.0.0.1:${callee.sipPort}` },
      config: { media: { srtp: 'required' } },
    });
    await survives(server, caller, callee, server.port);
  });

  it('with signalling by TLS, whose connections are made again', async () => {
    using authority = new TestAuthority();
    const { cert, key } = authority.issue('IP:127.0.0.1', 'URI:sip:127.0.0.1');
    using caller = await RawPhone.open({ link: await TlsLink.open(authority, { cert, key }) });
    using callee = await RawPhone.open({ link: await TlsLink.open(authority, { cert, key }) });
    // Each gets one when the server tries whether it is there.
    caller.answersReInvite = callee.answersReInvite = true;
    await using server = await DurableServer.start('examples/b2bua.ts', {
      transports: ['tls'],
      env: { TARGET: `sip:uas@127.0.0.1:${callee.sipPort};transport=tls` },
      config: { tls: { cert, key, ca: authority.ca } },
    });
    await survives(server, caller, callee, server.portOf('tls'));
  });
});
