/** What goes through a back-to-back user agent, what it changes, and what it keeps to itself. */
import { afterEach, describe, expect, it } from 'vitest';
import { goes } from '../support/flow.ts';
import { expectNoPrograms } from '../support/process.ts';
import { Script } from '../support/script.ts';

afterEach(expectNoPrograms);

/** @param invite options of the second leg @param bridge of the bridge */
const b2bua = (invite = '{}', bridge = '{}'): string => `export default async function (call, tandem) {
  if (call.toUser === 'nobody') return call.reject(404);
  const callee = await call.invite(process.env.TARGET, ${invite});
  await using bridge = await tandem.bridge(call, callee, ${bridge});
  await bridge.ended;
}
`;

const calls = (options: object = {}): Script => new Script('the caller').asks('INVITE', { sdp: {}, ...options });
const callee = (name = 'the callee'): Script => new Script(name);
const answered = (script: Script): Script => script.says('200 OK', { sdp: {} }).isAsked('ACK');
const untilBye = (script: Script): Script => script.isAsked('BYE').says('200 OK');
const hangsUp = (script: Script): Script => script.waits(200).asks('BYE').hears(200);

describe('a refusal of the callee', () => {
  it.each([
    ['404 Not Found', 404],
    ['486 Busy Here', 486],
    ['500 Server Internal Error', 500],
    ['603 Decline', 603],
    ['408 Request Timeout', 480],
    ['302 Moved Temporarily', 480],
    ['407 Proxy Authentication Required', 480],
  ])('%s is %i for the caller', async (status, heard) => {
    await goes({
      serves: b2bua(),
      callees: [callee().isAsked('INVITE').says(status).isAsked('ACK')],
      callers: [calls().hears(heard)],
    });
  });

  it('says why, and when to come again', () =>
    goes({
      serves: b2bua(),
      callees: [
        callee()
          .isAsked('INVITE')
          .says('486 Busy Here', {
            headers: ['Reason: Q.850;cause=17', 'Warning: 399 10.9.8.7 "lunch"', 'Retry-After: 600'],
          })
          .isAsked('ACK'),
      ],
      callers: [
        calls().hears(486, {
          has: ['\nReason: Q.850;cause=17', '\nWarning: 399 .*lunch', '\nRetry-After: 600'],
          lacks: ['10\\.9\\.8\\.7'],
        }),
      ],
    }));
});

describe('early media', () => {
  it('and ringing reach the caller, and then the answer', () =>
    goes({
      serves: b2bua(),
      callees: [
        untilBye(
          answered(
            callee()
              .isAsked('INVITE')
              .says('180 Ringing')
              .waits(200)
              .says('183 Session Progress', { sdp: {} })
              .waits(200),
          ),
        ),
      ],
      callers: [
        hangsUp(
          calls()
            .hears(180)
            .hears(183, { has: ['m=audio'] })
            .hears(200, { has: ['m=audio'] }),
        ),
      ],
    }));

  it('is followed by a refusal', () =>
    goes({
      serves: b2bua(),
      callees: [
        callee()
          .isAsked('INVITE')
          .says('183 Session Progress', { sdp: {} })
          .waits(300)
          .says('603 Decline')
          .isAsked('ACK'),
      ],
      callers: [
        calls()
          .hears(183, { has: ['m=audio'] })
          .hears(603),
      ],
    }));
});

describe('the codec of the second leg', () => {
  it('is the one that the caller offers', () =>
    goes({
      serves: b2bua(),
      callees: [
        untilBye(
          callee()
            .isAsked('INVITE', { has: ['PCMA/8000'], lacks: ['PCMU', 'L16'] })
            .says('200 OK', { sdp: { codec: 'PCMA' } })
            .isAsked('ACK'),
        ),
      ],
      callers: [hangsUp(calls({ sdp: { codec: 'PCMA' } }).hears(200, { has: ['PCMA/8000'] }))],
    }));

  it('that the callee does not speak is no call', () =>
    goes({
      serves: b2bua(),
      callees: [callee().isAsked('INVITE').says('488 Not Acceptable Here').isAsked('ACK')],
      callers: [calls({ sdp: { codec: 'PCMA' } }).hears(488)],
    }));
});

describe('an offer that is left to the callee', () => {
  const serves = `export default async function (call, tandem) {
  await call.answer();
  await tandem.invite(process.env.TARGET, { lateOffer: true }).then(
    async (callee) => {
      console.log('answered');
      await call.ended;
      await callee.close();
    },
    (error) => console.log('failed', error.code),
  );
}
`;

  it('is answered in the ACK', async () => {
    const said = await goes({
      serves,
      callees: [
        untilBye(
          callee()
            .isAsked('INVITE', { lacks: ['m=audio'] })
            .says('200 OK', { sdp: {} })
            .isAsked('ACK', { has: ['m=audio'] }),
        ),
      ],
      callers: [calls().hears(200).waits(500).asks('BYE').hears(200)],
    });
    expect(said).toContain('answered');
  });

  it('and is not made ends the call', async () => {
    const said = await goes({
      serves,
      callees: [untilBye(callee().isAsked('INVITE').says('200 OK').isAsked('ACK'))],
      callers: [calls().hears(200).isAsked('BYE').says('200 OK')],
    });
    expect(said).toContain('failed ERR_SDP');
  });
});

describe('hops', () => {
  it('are counted down', () =>
    goes({
      serves: b2bua(),
      callees: [untilBye(answered(callee().isAsked('INVITE', { has: ['\nMax-Forwards: 4\r'] })))],
      callers: [hangsUp(calls({ maxForwards: 5 }).hears(200))],
    }));

  it('that are used up end in 483', () => goes({ serves: b2bua(), callers: [calls({ maxForwards: 0 }).hears(483)] }));

  /** The INVITE of the second leg comes back, for somebody. */
  const round = (user: string, status: number): Script =>
    callee()
      .isAsked('INVITE')
      .returns(user)
      .hears(status)
      .says('480 Temporarily Unavailable', { late: true })
      .isAsked('ACK');

  it('that lead round end in 482', () =>
    goes({ serves: b2bua(), callees: [round('1000', 482)], callers: [calls().hears(480)] }));

  it('that lead back to somebody else are another call', () =>
    goes({ serves: b2bua(), callees: [round('nobody', 404)], callers: [calls().hears(480)] }));
});

describe('headers of the caller', () => {
  const headers = [
    'Identity: eyJhbGciOiJFUzI1NiJ9..c2lnbmF0dXJl;info=.https://cert.example.org/a.cer.;alg=ES256',
    'Diversion: <sip:reception@example.com>;reason=no-answer',
    'History-Info: <sip:reception@example.com>;index=1',
    'P-Asserted-Identity: <sip:boss@example.com>',
    'Privacy: none',
    'Subject: lunch',
    'X-Account: 4711',
    'User-Agent: inside-10.9.8.7',
    'Record-Route: <sip:10.9.8.7;lr>',
    'Call-Info: <http://10.9.8.7/me.png>',
  ];
  const caller = (): Script => hangsUp(calls({ host: '10.9.8.7', headers }).hears(200));

  it('that say something of the call go on; its network does not', () =>
    goes({
      serves: b2bua(),
      callees: [
        untilBye(
          answered(
            callee().isAsked('INVITE', {
              has: ['\nIdentity: eyJ.*alg=ES256', '\nDiversion: .*no-answer', '\nHistory-Info: ', '\nSubject: lunch'],
              lacks: ['10\\.9\\.8\\.7', '\nP-Asserted-Identity', '\nX-Account', '\nRecord-Route'],
            }),
          ),
        ),
      ],
      callers: [caller()],
    }));

  it('are those that the script names, and who it is for whom we trust', () =>
    goes({
      serves: b2bua("{ passHeaders: ['X-*'], trusted: true }"),
      callees: [
        untilBye(
          answered(
            callee().isAsked('INVITE', {
              has: ['\nX-Account: 4711', '\nP-Asserted-Identity: <sip:boss@example.com>'],
              lacks: ['\nIdentity: ', '\nSubject', '\nDiversion', '10\\.9\\.8\\.7'],
            }),
          ),
        ),
      ],
      callers: [caller()],
    }));

  it('give way to what the script says: who calls is not shown', () =>
    goes({
      serves: b2bua(
        "{ privacy: 'id', trusted: true, assertedIdentity: 'sip:house@example.com', diversion: ['sip:door@example.com'] }",
      ),
      callees: [
        untilBye(
          answered(
            callee().isAsked('INVITE', {
              has: [
                '\nFrom: .?Anonymous.? <sip:anonymous@anonymous.invalid>',
                '\nPrivacy: id',
                '\nP-Asserted-Identity: <sip:house@example.com>',
                '\nDiversion: <sip:door@example.com>',
              ],
              lacks: ['boss@example.com', 'reception@example.com>;reason'],
            }),
          ),
        ),
      ],
      callers: [caller()],
    }));
});

describe('hold', () => {
  const serves = b2bua('{}', "{ reinvites: 'pass' }");
  const holds = (): Script =>
    calls()
      .hears(200)
      .waits(200)
      .asks('INVITE', { sdp: { direction: 'sendonly' } });

  it('reaches the other leg, where that is wanted', () =>
    goes({
      serves,
      callees: [
        untilBye(
          answered(callee().isAsked('INVITE'))
            .isAsked('INVITE', { has: ['a=sendonly'] })
            .says('200 OK', { sdp: { direction: 'recvonly' } })
            .isAsked('ACK'),
        ),
      ],
      callers: [hangsUp(holds().hears(200, { has: ['a=recvonly'] }))],
    }));

  it('that the other leg refuses is refused, and the call goes on', () =>
    goes({
      serves,
      callees: [
        untilBye(answered(callee().isAsked('INVITE')).isAsked('INVITE').says('488 Not Acceptable Here').isAsked('ACK')),
      ],
      callers: [hangsUp(holds().hears(488).asks('INFO').hears(200))],
    }));
});

describe('a transfer', () => {
  const refers = (): Script =>
    calls()
      .hears(200)
      .waits(200)
      .asks('REFER', { headers: ['Refer-To: <sip:third@127.0.0.1:9>'] });
  const sipfrag = (status: string) => ({
    headers: [
      'Event: refer',
      'Subscription-State: terminated;reason=noresource',
      'Content-Type: message/sipfrag;version=2.0',
    ],
    body: [`SIP/2.0 ${status}`],
  });
  const isReferred = (): Script =>
    answered(callee().isAsked('INVITE')).isAsked('REFER', {
      has: ['Refer-To: <sip:third@127.0.0.1:9>', '\nReferred-By: '],
    });

  it('is left to the other leg, which tells how it goes', () =>
    goes({
      serves: b2bua(),
      env: { TANDEM_TRANSFER: 'pass' },
      callees: [untilBye(isReferred().says('202 Accepted').asks('NOTIFY', sipfrag('200 OK')).hears(200))],
      callers: [hangsUp(refers().hears(202).isTold(200))],
    }));

  it('that the other leg does not want fails', () =>
    goes({
      serves: b2bua(),
      env: { TANDEM_TRANSFER: 'pass' },
      callees: [untilBye(isReferred().says('603 Decline'))],
      callers: [hangsUp(refers().hears(202).isTold(603))],
    }));

  it('is refused where nobody said that it is allowed', () =>
    goes({
      serves: b2bua(),
      callees: [untilBye(answered(callee().isAsked('INVITE')))],
      callers: [hangsUp(refers().hears(603))],
    }));
});

describe('session timers', () => {
  it('are as long as the callee wants', () =>
    goes({
      serves: b2bua(),
      callees: [
        untilBye(
          answered(
            callee()
              .isAsked('INVITE', { has: ['\nSession-Expires: 1800'] })
              .says('422 Session Interval Too Small', { headers: ['Min-SE: 3600'] })
              .isAsked('ACK')
              .isAsked('INVITE', { has: ['\nSession-Expires: 3600', '\nMin-SE: 3600'] }),
          ),
        ),
      ],
      callers: [hangsUp(calls().hears(200))],
    }));

  it('are those of each leg: the callee asks for one, the caller knows none', () =>
    goes({
      serves: b2bua(),
      env: { TANDEM_SESSION_TIMERS_MIN_SE: '4' },
      callees: [
        untilBye(
          callee()
            .isAsked('INVITE', { has: ['\nSession-Expires: 1800'] })
            .says('200 OK', {
              headers: ['Session-Expires: 4;refresher=uac', 'Require: timer', 'Allow: UPDATE'],
              sdp: {},
            })
            .isAsked('ACK')
            .isAsked('UPDATE', { has: ['\nSession-Expires: 4;refresher=uac'] })
            .says('200 OK', { headers: ['Session-Expires: 4;refresher=uac', 'Require: timer'] }),
        ),
      ],
      callers: [
        calls()
          .hears(200, { lacks: ['Session-Expires'] })
          .waits(2800)
          .asks('BYE')
          .hears(200),
      ],
    }));
});
