/** Registrations and trunks of ours, with sipp as the provider: what goes well, and what it does to us. */
import { afterEach, describe, expect, it } from 'vitest';
import { goes } from '../support/flow.ts';
import { expectNoPrograms } from '../support/process.ts';
import { Script } from '../support/script.ts';
import type { TandemServer } from '../support/tandem.ts';

afterEach(expectNoPrograms);

/** Every call goes out through the trunk. */
const serves = `export default async function (call, tandem) {
  const leg = await tandem.trunk('main').inviteFor(call, '4711');
  await using bridge = await tandem.bridge(call, leg);
  await bridge.ended;
}
`;

const challenge = 'WWW-Authenticate: Digest realm="provider", nonce="1", algorithm=MD5, qop="auth"';

const asks = (): Script => new Script('the caller').asks('INVITE', { sdp: {} });
const answered = (): Script => asks().hears(200).waits(200).asks('BYE').hears(200);

function refuses(status: string): Script {
  return new Script(`the gateway, ${status}`).isAsked('INVITE').says(status).isAsked('ACK');
}

function takes(): Script {
  return new Script('the gateway')
    .isAsked('INVITE', { has: ['^INVITE sip:4711@'] })
    .says('200 OK', { sdp: {} })
    .isAsked('ACK')
    .isAsked('BYE')
    .says('200 OK');
}

describe('a trunk', () => {
  const twoGateways = ([first, second]: readonly number[]) => ({
    trunks: { main: { uri: `127.0.0.1:${first}`, gateways: [`127.0.0.1:${second}`] } },
  });

  it('goes on to the next gateway when the first has no room', () =>
    goes({
      serves,
      config: twoGateways,
      callees: [refuses('503 Service Unavailable'), takes()],
      callers: [answered()],
    }));

  it('has no other when the last has no room, either', () =>
    goes({
      serves,
      config: twoGateways,
      callees: [refuses('503 Service Unavailable'), refuses('500 Server Internal Error')],
      callers: [asks().hears(500)],
    }));

  it('asks nobody else when the number is busy', () =>
    goes({
      serves,
      // Nobody is at the second, which would be another status.
      config: ([first]) => ({ trunks: { main: { uri: `127.0.0.1:${first}`, gateways: ['127.0.0.1:9'] } } }),
      callees: [refuses('486 Busy Here')],
      callers: [asks().hears(486)],
    }));

  const account = ([first]: readonly number[]) => ({
    trunks: { main: { uri: `127.0.0.1:${first}`, username: 'us', password: 'sesame' } },
  });

  it('shows its credentials', () =>
    goes({
      serves,
      config: account,
      callees: [
        new Script('asks for a password')
          .isAsked('INVITE')
          .says('401 Unauthorized', { headers: [challenge] })
          .isAsked('ACK')
          .isAsked('INVITE', { has: ['Authorization: Digest username=.us.,.*nc=00000001'] })
          .says('200 OK', { sdp: {} })
          .isAsked('ACK')
          .isAsked('BYE')
          .says('200 OK'),
      ],
      callers: [answered()],
    }));

  it('whose credentials are wrong is a call that cannot be made, and the caller is asked for nothing', () =>
    goes({
      serves,
      config: account,
      callees: [
        new Script('does not believe it')
          .isAsked('INVITE')
          .says('401 Unauthorized', { headers: [challenge] })
          .isAsked('ACK')
          .isAsked('INVITE', { has: ['Authorization: Digest'] })
          .says('401 Unauthorized', { headers: [challenge] })
          .isAsked('ACK'),
      ],
      callers: [asks().hears(480)],
    }));
});

describe('what is set for a trunk', () => {
  const one = (settings: object) => (ports: readonly number[]) => ({
    trunks: { main: { uri: `127.0.0.1:${ports[0]}`, ...settings } },
  });

  it('who calls, as the provider wants to know it', () =>
    goes({
      serves,
      config: one({ username: 'us', callerId: { strip: '0', add: '+49', header: 'p-asserted-identity' } }),
      callees: [
        new Script('the gateway')
          .isAsked('INVITE', { has: ['\nFrom: .*sip:us@', '\nP-Asserted-Identity: .*sip:[+]4930123@'] })
          .says('200 OK', { sdp: {} })
          .isAsked('ACK')
          .isAsked('BYE')
          .says('200 OK'),
      ],
      callers: [
        new Script('calls from 030123').asks('INVITE', { user: '030123', sdp: {} }).hears(200).asks('BYE').hears(200),
      ],
    }));

  it('the number of calls: one more is refused', () =>
    goes({
      serves,
      config: one({ maxChannels: 1 }),
      callees: [takes()],
      callers: [asks().hears(200).asks('INVITE', { call: 1, sdp: {} }).hears(486, { call: 1 }).asks('BYE').hears(200)],
    }));

  async function isUp(server: TandemServer): Promise<unknown> {
    const { trunks } = (await server.check()) as {
      trunks?: readonly { readonly gateways: readonly { readonly lastQualify?: { readonly up: boolean } }[] }[];
    };
    return trunks?.[0]?.gateways[0]?.lastQualify?.up;
  }

  it('that it is asked whether it is there', () =>
    goes({
      serves,
      config: one({ qualify: 60 }),
      callees: [new Script('is there').isAsked('OPTIONS').says('200 OK')],
      until: async (server) => expect.poll(() => isUp(server)).toBe(true),
    }));

  it('and a gateway that is not gets no calls', () =>
    goes({
      serves,
      config: one({ qualify: 60 }),
      callees: [new Script('has no room').isAsked('OPTIONS').says('503 Service Unavailable')],
      callers: [asks().hears(503)],
      ready: async (server) => expect.poll(() => isUp(server)).toBe(false),
    }));
});

describe('a trunk that registers', () => {
  const registers = ([first]: readonly number[]) => ({
    trunks: { main: { uri: `127.0.0.1:${first}`, username: 'us', password: 'sesame', register: { expires: 60 } } },
  });

  async function stateOf(server: TandemServer): Promise<unknown> {
    const { trunks } = (await server.check()) as { trunks?: readonly { readonly state: string }[] };
    return trunks?.[0]?.state;
  }

  /** Ends it, so that the registrar hears the farewell. */
  const stop = async (server: TandemServer): Promise<void> => {
    server.program.kill('SIGTERM');
    await server.program.ended();
  };

  it('is up, refreshes in time, and takes its Contact back at the end', () =>
    goes({
      config: registers,
      callees: [
        new Script('grants five seconds')
          .isAsked('REGISTER', { has: ['Expires: 60'] })
          .says('200 OK', { headers: ['[last_Contact:];expires=5'] })
          .isAsked('REGISTER', { has: ['CSeq: 2 REGISTER'] })
          .says('200 OK', { headers: ['[last_Contact:];expires=60'] })
          .isAsked('REGISTER', { has: ['Expires: 0'] })
          .says('200 OK'),
      ],
      until: async (server) => {
        await expect.poll(() => stateOf(server)).toBe('up');
        await expect.poll(() => registeredFor(server), { timeout: 15_000 }).toBeGreaterThan(10_000);
        await stop(server);
      },
      stopped: true,
    }));

  async function registeredFor(server: TandemServer): Promise<number> {
    const { registrations } = (await server.check()) as { registrations?: readonly { readonly expiresAt?: number }[] };
    return (registrations?.[0]?.expiresAt ?? 0) - Date.now();
  }

  it('asks for as long as the registrar wants, and comes back when it was told to wait', () =>
    goes({
      config: registers,
      callees: [
        new Script('hard to please')
          .isAsked('REGISTER', { has: ['Expires: 60'] })
          .says('423 Interval Too Brief', { headers: ['Min-Expires: 300'] })
          .isAsked('REGISTER', { has: ['Expires: 300'] })
          .says('503 Service Unavailable', { headers: ['Retry-After: 5'] })
          .isAsked('REGISTER', { has: ['Expires: 300'] })
          .says('200 OK', { headers: ['[last_Contact:];expires=300'] })
          .isAsked('REGISTER', { has: ['Expires: 0'] })
          .says('200 OK'),
      ],
      until: async (server) => {
        await expect.poll(() => stateOf(server), { timeout: 15_000 }).toBe('up');
        await stop(server);
      },
      stopped: true,
    }));

  it('that is refused is not up, and says so', () =>
    goes({
      config: registers,
      callees: [new Script('refuses').isAsked('REGISTER').says('403 Forbidden')],
      until: async (server) => {
        await expect.poll(() => server.log.map(({ msg }) => msg)).toContain('registration failed');
        expect(await stateOf(server)).toBe('registering');
      },
    }));
});
