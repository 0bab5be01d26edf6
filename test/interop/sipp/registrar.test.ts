/** The registrar of the ready-made server, as sipp sees it: what it takes, and what it refuses. */
import { afterEach, describe, it } from 'vitest';
import { goes } from '../support/flow.ts';
import { expectNoPrograms } from '../support/process.ts';
import { Script } from '../support/script.ts';

afterEach(expectNoPrograms);

const config = () => ({
  users: { alice: { password: 'one' }, bob: { password: 'two', callerId: 'Reception <100>' } },
  registrar: { minExpires: 60, maxContacts: 2, whenFull: 'refuse' },
});

const alice = { user: 'alice' };
const credentials = '[authentication username=alice password=one]';
const at = (name: string): string => `Contact: <sip:${name}@[local_ip]:[local_port]>`;

/** Registers, asked for the password once. */
function registering(name: string, ...headers: string[]): Script {
  return new Script(name)
    .asks('REGISTER', { ...alice, headers })
    .hears(401)
    .asks('REGISTER', { headers: [...headers, credentials] });
}

describe('a phone', () => {
  it('registers, refreshes, and takes its Contact back', () =>
    goes({
      config,
      callers: [
        registering('register', at('desk'), 'Expires: 120')
          .hears(200, { has: ['Contact: <sip:desk@.*>;expires=1(20|19)'] })
          .asks('REGISTER', { headers: [at('desk'), 'Expires: 600', credentials] })
          .hears(200, { has: ['Contact: <sip:desk@.*>;expires=(600|599)'] })
          .asks('REGISTER', { headers: [at('desk'), 'Expires: 0', credentials] })
          .hears(200, { lacks: ['\nContact:'] }),
      ],
    }));

  it('takes all Contacts back at once, but not without saying so', () =>
    goes({
      config,
      callers: [
        registering('unregister', at('desk'), 'Expires: 120')
          .hears(200)
          .asks('REGISTER', { headers: ['Contact: *', credentials] })
          .hears(400)
          .asks('REGISTER', { headers: [credentials] })
          .hears(200, { has: ['Contact: <sip:desk@'] })
          .asks('REGISTER', { headers: ['Contact: *', 'Expires: 0', credentials] })
          .hears(200, { lacks: ['\nContact:'] }),
      ],
    }));

  it('that asks for too short a time is told the shortest', () =>
    goes({
      config,
      callers: [
        registering('brief', at('desk'), 'Expires: 30')
          .hears(423, { has: ['Min-Expires: 60'] })
          .asks('REGISTER', { headers: [at('desk'), 'Expires: 60', credentials] })
          .hears(200, { has: ['Contact: <sip:desk@.*>;expires=(60|59)'] }),
      ],
    }));

  it('too many of a user is refused, and the others stay', () =>
    goes({
      config,
      callers: [
        registering('full', at('desk'))
          .hears(200)
          .asks('REGISTER', { headers: [at('mobile'), credentials] })
          .hears(200, { has: ['sip:desk@', 'sip:mobile@'] })
          .asks('REGISTER', { headers: [at('kitchen'), credentials] })
          .hears(403)
          .asks('REGISTER', { headers: [credentials] })
          .hears(200, { has: ['sip:desk@', 'sip:mobile@'], lacks: ['sip:kitchen@'] }),
      ],
    }));

  it('with a wrong password, or for somebody else, does not register', () =>
    goes({
      config,
      callers: [
        new Script('wrong password')
          .asks('REGISTER', { ...alice, headers: [at('desk')] })
          .hears(401)
          .asks('REGISTER', { headers: [at('desk'), '[authentication username=alice password=two]'] })
          .hears(401),
        new Script('somebody else')
          .asks('REGISTER', { user: 'bob', headers: [at('desk')] })
          .hears(401)
          .asks('REGISTER', { headers: [at('desk'), credentials] })
          .hears(403),
      ],
    }));

  it('behind a proxy is called through it (Path)', () =>
    goes({
      config,
      user: 'alice',
      callees: [
        new Script('the proxy')
          .isAsked('INVITE', { has: ['INVITE sip:desk@10.9.8.7', 'Route: <sip:edge@127.0.0.1:[0-9]+;lr>'] })
          .says('486 Busy Here')
          .isAsked('ACK'),
      ],
      callers: [
        registering(
          'path',
          'Contact: <sip:desk@10.9.8.7>',
          'Supported: path',
          'Path: <sip:edge@127.0.0.1:[port_1];lr>',
        ).hears(200, { has: ['\nPath: <sip:edge@127.0.0.1'] }),
        calling('bob', 'two').hears(486),
      ],
    }));

  describe('that keeps its connection (outbound, GRUU)', () => {
    const instance = '+sip.instance="<urn:uuid:00000000-0000-1000-8000-AABBCCDDEEFF>"';
    const outbound = (...headers: string[]): Script =>
      registering('outbound', `${at('desk')};${instance};reg-id=1`, 'Supported: path, outbound, gruu', ...headers);

    it('is taken at its word, and gets names', () =>
      goes({
        config,
        callers: [outbound().hears(200, { has: ['\nRequire: outbound', 'reg-id=1', 'pub-gruu=', 'temp-gruu='] })],
      }));

    it('but comes through a proxy that knows nothing of it, is refused', () =>
      goes({ config, callers: [outbound('Via: SIP/2.0/UDP 10.9.8.7;branch=z9hG4bKedge').hears(439)] }));
  });

  it('behind a proxy that cannot be read is refused', () =>
    goes({
      config,
      callers: [registering('bad path', at('desk'), 'Supported: path', 'Path: <edge').hears(400)],
    }));
});

/** A user calls, asked for the password. */
function calling(user: string, password: string): Script {
  return new Script(`${user} calls`)
    .asks('INVITE', { user, sdp: {} })
    .hears(401)
    .asks('INVITE', { sdp: {}, headers: [`[authentication username=${user} password=${password}]`] });
}

describe('a user with two phones', () => {
  const phones = registering('two phones', 'Contact: <sip:a@127.0.0.1:[port_1]>, <sip:b@127.0.0.1:[port_2]>').hears(
    200,
    { has: ['sip:a@', 'sip:b@'] },
  );

  it('is called on both: one answers, the other is cancelled', () =>
    goes({
      config,
      user: 'alice',
      callees: [
        new Script('answers')
          .isAsked('INVITE', { has: ['\nFrom: .?Reception.? <sip:100@'] })
          .says('180 Ringing')
          .waits(500)
          .says('200 OK', { sdp: {} })
          .isAsked('ACK')
          .isAsked('BYE')
          .says('200 OK'),
        new Script('is cancelled')
          .isAsked('INVITE')
          .says('180 Ringing')
          .isAsked('CANCEL')
          .says('200 OK')
          .says('487 Request Terminated', { late: true })
          .isAsked('ACK'),
      ],
      callers: [phones, calling('bob', 'two').hears(200).waits(300).asks('BYE').hears(200)],
    }));

  it('who is busy on both is busy', () => {
    const busy = (name: string): Script =>
      new Script(name).isAsked('INVITE').says('180 Ringing').waits(100).says('486 Busy Here').isAsked('ACK');
    return goes({
      config,
      user: 'alice',
      callees: [busy('one'), busy('the other')],
      callers: [phones, calling('bob', 'two').hears(486)],
    });
  });
});

describe('a user with a limit of calls', () => {
  const limited = () => ({ users: { alice: { password: 'one' }, bob: { password: 'two', callLimit: 1 } } });

  it('has one, and the next is refused', () =>
    goes({
      config: limited,
      user: 'alice',
      callees: [
        new Script('answers')
          .isAsked('INVITE')
          .says('200 OK', { sdp: {} })
          .isAsked('ACK')
          .isAsked('BYE')
          .says('200 OK'),
      ],
      callers: [
        registering('one phone', 'Contact: <sip:a@127.0.0.1:[port_1]>').hears(200),
        calling('bob', 'two')
          .hears(200)
          .asks('INVITE', { call: 1, sdp: {}, headers: ['[authentication username=bob password=two]'] })
          .hears(486, { call: 1 })
          .asks('BYE')
          .hears(200),
      ],
    }));
});
