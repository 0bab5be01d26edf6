/** What happens within a call, and beside calls, with sipp as the peer: each flow with one that goes wrong. */
import { afterEach, describe, expect, it } from 'vitest';
import { goes } from '../support/flow.ts';
import { expectNoPrograms } from '../support/process.ts';
import { Script } from '../support/script.ts';

afterEach(expectNoPrograms);

const calls = (name = 'the caller'): Script => new Script(name).asks('INVITE', { sdp: {} });

/** Answers, does something, and says what came of it. */
const answersAnd = (work: string): string => `export default async function (call) {
  await call.answer();
  await ${work}.then(
    (result) => console.log('done', result?.status ?? ''),
    (error) => console.log('failed', error.code, error.status ?? ''),
  );
  await call.ended;
}
`;

describe('an offer of the server', () => {
  const serves = answersAnd('call.hold()');

  it('that crosses one of the peer is made again', async () => {
    const caller = calls()
      .hears(200)
      .isAsked('INVITE', { has: ['a=sendonly'] })
      .says('491 Request Pending')
      .isAsked('ACK')
      .isAsked('INVITE', { has: ['a=sendonly'] })
      .says('200 OK', { sdp: { direction: 'recvonly' } })
      .isAsked('ACK')
      .asks('BYE')
      .hears(200);
    expect(await goes({ serves, callers: [caller] })).toMatch(/^done/);
  });

  it('goes before one of the peer, which gets 491 and comes again', async () => {
    const caller = calls()
      .hears(200)
      .isAsked('INVITE')
      .asks('INVITE', { sdp: {} })
      .hears(491)
      .says('200 OK', { late: true, sdp: { direction: 'recvonly' } })
      .isAsked('ACK')
      .asks('INVITE', { sdp: { direction: 'recvonly' } })
      .hears(200, { has: ['a=sendonly'] })
      .asks('BYE')
      .hears(200);
    expect(await goes({ serves, callers: [caller] })).toMatch(/^done/);
  });

  it('that is refused for good leaves the call as it was', async () => {
    const caller = calls()
      .hears(200)
      .isAsked('INVITE')
      .says('488 Not Acceptable Here')
      .isAsked('ACK')
      .waits(300)
      .asks('INFO')
      .hears(200)
      .asks('BYE')
      .hears(200);
    expect(await goes({ serves, callers: [caller] })).toMatch(/^failed \S+ 488/);
  });
});

describe('an offer in a reliable response', () => {
  const serves = `export default async function (call, tandem) {
  await call.progressMedia();
  await tandem.sleep(300, { signal: call.signal });
  await call.answer();
  await call.ended;
}
`;
  const lateCaller = (): Script =>
    new Script('leaves the offer to the server')
      .asks('INVITE', { headers: ['Supported: 100rel'] })
      .hears(183, { has: ['Require: 100rel', 'm=audio'], keep: { rseq: ['RSeq', '[0-9]+'] } });
  const rack = 'RAck: [$rseq] 1 INVITE';

  it('is answered in the PRACK', () =>
    goes({
      serves,
      callers: [
        lateCaller()
          .asks('PRACK', { headers: [rack], sdp: {} })
          .hears(200)
          .hears(200, { late: true, lacks: ['m=audio'] })
          .asks('BYE')
          .hears(200),
      ],
    }));

  it('that is not answered ends the call', () =>
    goes({
      serves,
      callers: [
        lateCaller()
          .asks('PRACK', { headers: [rack] })
          .hears(400)
          .hears(400, { late: true }),
      ],
    }));
});

describe('a fork behind the callee', () => {
  const serves = `export default async function (call, tandem) {
  await using bridge = await tandem.bridge(call, await call.invite(process.env.TARGET));
  await bridge.ended;
}
`;
  const twoBranches = (): Script =>
    new Script('two early dialogs')
      .isAsked('INVITE')
      .says('183 Session Progress', { tag: 'a', headers: ['Require: 100rel', 'RSeq: 1'], sdp: {} })
      .isAsked('PRACK', { has: ['To:.*tag=a', 'RAck: 1 1 INVITE'] })
      .says('200 OK')
      .says('183 Session Progress', { tag: 'b', late: true, headers: ['Require: 100rel', 'RSeq: 7'], sdp: {} })
      .isAsked('PRACK', { has: ['To:.*tag=b', 'RAck: 7 1 INVITE'] })
      .says('200 OK');

  it('goes on with the branch that answers', () =>
    goes({
      serves,
      callees: [
        twoBranches()
          .says('200 OK', { tag: 'b', late: true })
          .isAsked('ACK', { has: ['To:.*tag=b'] })
          .isAsked('BYE', { has: ['To:.*tag=b'] })
          .says('200 OK'),
      ],
      callers: [
        calls()
          .hears(183, { has: ['m=audio'] })
          .hears(200)
          .waits(200)
          .asks('BYE')
          .hears(200),
      ],
      // The branch that lost might answer, too: its dialog is kept for half a minute (RFC 3261 §13.2.2.4).
      until: async (server) => {
        await expect.poll(async () => (await server.check()).calls).toBe(0);
        await server.stop();
      },
      stopped: true,
    }));

  it('of which no branch answers is a refusal', () =>
    goes({
      serves,
      callees: [twoBranches().says('486 Busy Here', { tag: 'b', late: true }).isAsked('ACK')],
      callers: [
        calls()
          .hears(183, { has: ['m=audio'] })
          .hears(486),
      ],
    }));
});

describe('OPTIONS', () => {
  it('tells what the server can do', () =>
    goes({
      callers: [
        new Script('asks')
          .asks('OPTIONS')
          .hears(200, {
            has: [
              ...['INVITE', 'ACK', 'BYE', 'CANCEL', 'PRACK', 'UPDATE', 'REFER'].map((method) => `\nAllow:.*${method}`),
              ...['100rel', 'timer', 'replaces'].map((tag) => `\nSupported:.*${tag}`),
              '\nAccept: application/',
            ],
            lacks: ['m=audio'],
          })
          .asks('OPTIONS', { headers: ['Accept: application/sdp'] })
          .hears(200, { has: ['m=audio 0 ', 'PCMU/8000', 'PCMA/8000', 'telephone-event/8000'] }),
      ],
    }));

  it('that require what the server cannot do are told so', () =>
    goes({
      callers: [
        new Script('asks too much')
          .asks('OPTIONS', { headers: ['Require: teleport'] })
          .hears(420, { has: ['Unsupported: teleport'] }),
      ],
    }));
});

describe('SUBSCRIBE', () => {
  const env = { TANDEM_DIALOG_EVENTS: 'true' };
  const subscribe = (event: string, expires: number) => ({ headers: [`Event: ${event}`, `Expires: ${expires}`] });

  it('is told who is on the phone, until it ends', () =>
    goes({
      env,
      callers: [
        new Script('a lamp')
          .asks('SUBSCRIBE', subscribe('dialog', 120))
          .hears(200, { has: ['Expires: 120'] })
          .isAsked('NOTIFY', { has: ['Subscription-State: active', 'dialog-info', 'state=.full.'] })
          .says('200 OK')
          .asks('SUBSCRIBE', subscribe('dialog', 0))
          .hears(200)
          .isAsked('NOTIFY', { has: ['Subscription-State: terminated'] })
          .says('200 OK'),
      ],
    }));

  it('to something else, or for too short, is refused', () =>
    goes({
      env,
      callers: [
        new Script('asks for presence')
          .asks('SUBSCRIBE', subscribe('presence', 120))
          .hears(489, { has: ['Allow-Events:.*dialog'] })
          .asks('SUBSCRIBE', subscribe('dialog', 5))
          .hears(423, { has: ['Min-Expires: 60'] }),
      ],
    }));
});

describe('a transfer that the server asks for', () => {
  const serves = answersAnd("call.refer('sip:third@127.0.0.1:9', { timeout: 1500 })");
  const accepts = (): Script =>
    calls()
      .hears(200)
      .isAsked('REFER', { has: ['Refer-To: <sip:third@127.0.0.1:9>'] })
      .says('202 Accepted');
  const tells = (status: string): Script =>
    accepts()
      .asks('NOTIFY', {
        headers: [
          'Event: refer',
          'Subscription-State: terminated;reason=noresource',
          'Content-Type: message/sipfrag;version=2.0',
        ],
        body: [`SIP/2.0 ${status}`],
      })
      .hears(200)
      .waits(200)
      .asks('BYE')
      .hears(200);

  it.each([
    ['200 OK', 'done 200'],
    ['486 Busy Here', 'done 486'],
  ])('has the outcome that the peer tells: %s', async (status, said) => {
    expect(await goes({ serves, callers: [tells(status)] })).toContain(said);
  });

  it('of which the peer tells nothing is over in time', async () => {
    const caller = accepts().waits(2500).asks('BYE').hears(200);
    expect(await goes({ serves, callers: [caller] })).toContain('failed ERR_TIMEOUT 408');
  });
});

describe('an attended transfer through the server', () => {
  const serves = `const targets = [process.env.TARGET, process.env.TARGET_2];
export default async function (call, tandem) {
  await using bridge = await tandem.bridge(call, await call.invite(targets.shift()));
  await bridge.ended;
}
`;
  const env = { TANDEM_TRANSFER: 'execute' };
  const answers = (name: string): Script =>
    new Script(name).isAsked('INVITE').says('200 OK', { sdp: {} }).isAsked('ACK');

  it('connects the peers of both calls, and hangs both calls up', () =>
    goes({
      serves,
      env,
      callees: [
        answers('the first, who hangs up in the end').waits(2000).asks('BYE').hears(200),
        answers('the second').isAsked('BYE').says('200 OK'),
      ],
      callers: [
        calls('has two calls')
          .hears(200)
          .asks('INVITE', { call: 1, sdp: {} })
          .hears(200, { call: 1 })
          .asks('REFER', {
            headers: [
              'Refer-To: <sip:second@127.0.0.1?Replaces=second%2F%2F%2F[call_id]%3Bto-tag%3D[$tag1]%3Bfrom-tag%3D[pid]sipp[call_number]>',
            ],
          })
          .hears(202)
          .isLeftByBoth(),
      ],
    }));

  it('to a call that does not exist fails, and the call goes on', () =>
    goes({
      serves,
      env,
      callees: [
        answers('the first').isAsked('BYE').says('200 OK'),
        new Script('knows no such call')
          .isAsked('INVITE', { has: ['Replaces: nobody;to-tag=a;from-tag=b'] })
          .says('481 Call/Transaction Does Not Exist')
          .isAsked('ACK'),
      ],
      callers: [
        calls()
          .hears(200)
          .asks('REFER', {
            headers: ['Refer-To: <sip:x@127.0.0.1:[port_2]?Replaces=nobody%3Bto-tag%3Da%3Bfrom-tag%3Db>'],
          })
          .hears(202)
          .isTold(481)
          .asks('BYE')
          .hears(200),
      ],
    }));
});
