import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { BindingChange } from '../../src/registrar/location-store.ts';
import { Registrar, type RegistrarOptions } from '../../src/registrar/registrar.ts';
import type { Admission } from '../../src/sip/authenticator.ts';
import { uriUser } from '../../src/sip/uri.ts';
import { seededRandom } from '../../src/testing/index.ts';
import { type Lab, openLab, type Received, silent, write } from '../sip/lab.ts';

interface House extends Lab {
  readonly registrar: Registrar;
  readonly changes: string[];
  /** Sends a REGISTER of 5001 and returns its answer. */
  register(spec?: RegisterSpec): Promise<Received>;
}

interface RegisterSpec {
  readonly contact?: string | undefined;
  readonly seq?: number;
  readonly callId?: string;
  readonly to?: string;
  readonly via?: string;
  readonly headers?: readonly string[];
}

async function open(
  options: RegistrarOptions = {},
  admit?: (user: string) => Admission | Promise<Admission>,
): Promise<House> {
  const lab = await openLab({ outsideMethods: ['REGISTER'] });
  const changes: string[] = [];
  const registrar = new Registrar(options, {
    clock: lab.clock,
    random: seededRandom(1),
    logger: silent,
    admit: ({ request }) => {
      const user = uriUser(request.headers.from.uri) ?? '';
      return admit ? admit(user) : { ok: true, user };
    },
    onChange: ({ what, binding }: BindingChange) => changes.push(`${what} ${binding.uri}`),
  });
  lab.endpoint.onRequest = (request) => registrar.handle(request);
  let seq = 0;
  return {
    ...lab,
    registrar,
    changes,
    async register(spec = {}) {
      const contact = 'contact' in spec ? spec.contact : '<sip:5001@10.0.0.2:5070>';
      await lab.send(
        write({
          method: 'REGISTER',
          uri: 'sip:10.0.0.1',
          from: '<sip:5001@10.0.0.1>;tag=phone',
          to: spec.to ?? '<sip:5001@10.0.0.1>',
          callId: spec.callId ?? 'phone-1',
          seq: spec.seq ?? ++seq,
          contact,
          ...(spec.via === undefined ? {} : { via: spec.via }),
          headers: spec.headers ?? [],
        }),
      );
      return lab.last();
    },
  };
}

const contactsOf = (answer: Received): string[] => answer.all('Contact').flatMap((line) => line.split(/, (?=<)/));
const uris = (house: House, target = '5001'): string[] => house.registrar.lookup(target).map(({ uri }) => uri);

describe('a registration', () => {
  it('is made, listed with its seconds left, refreshed, and runs out', async () => {
    const house = await open();
    const answer = await house.register({ headers: ['Expires: 120'] });
    expect(answer.what).toBe('200');
    expect(contactsOf(answer)).toEqual(['<sip:5001@10.0.0.2:5070>;expires=120']);
    await house.clock.advance(100_000);
    expect((await house.register({ contact: undefined })).get('Contact')).toContain('expires=20');
    await house.register({ headers: ['Expires: 120'] });
    await house.clock.advance(119_999);
    expect(uris(house)).toEqual(['sip:5001@10.0.0.2:5070']);
    await house.clock.advance(1);
    expect(uris(house)).toEqual([]);
    expect(house.registrar.size).toBe(0);
    expect(house.changes).toEqual([
      'added sip:5001@10.0.0.2:5070',
      'refreshed sip:5001@10.0.0.2:5070',
      'expired sip:5001@10.0.0.2:5070',
    ]);
    await house.clock.advance(40_000);
    expect(house.clock.pending).toBe(0);
  });

  it('says in its answer what the house has for the user, and to nobody else', async () => {
    const house = await open({ headers: (user, transport) => [['X-Tandem-Ice', `for ${user} by ${transport}`]] });
    expect((await house.register()).get('X-Tandem-Ice')).toBe('for 5001 by udp');
    const refused = await open({ headers: () => [['X-Tandem-Ice', 'secret']] }, () => ({
      ...{ ok: false, status: 403, why: 'missing', username: undefined, headers: [] },
    }));
    const answer = await refused.register();
    expect([answer.what, answer.text.includes('secret')]).toEqual(['403', false]);
  });

  it('takes its time from the Contact before Expires, and gets no more than there is', async () => {
    const house = await open({ expires: { min: 30, default: 600, max: 1800 } });
    const of = async (contact: string, headers: string[] = []) =>
      /expires=(\d+)/.exec((await house.register({ contact, headers })).get('Contact'))?.[1];
    expect(await of('<sip:5001@10.0.0.2:5070>;expires=90', ['Expires: 60'])).toBe('90');
    expect(await of('<sip:5001@10.0.0.2:5070>')).toBe('600');
    expect(await of('<sip:5001@10.0.0.2:5070>;expires=999999')).toBe('1800');
    expect(await of('<sip:5001@10.0.0.2:5070>', ['Expires: soon'])).toBe('1800');
    const brief = await house.register({ contact: '<sip:5001@10.0.0.2:5070>;expires=29' });
    expect([brief.what, brief.get('Min-Expires')]).toEqual(['423', '30']);
  });

  it('of several Contacts is looked up by preference, then by age', async () => {
    const house = await open();
    const contact = '<sip:a@10.0.0.2:5070>;q=0.5, <sip:b@10.0.0.2:5071>;q=0.9, <sip:c@10.0.0.2:5072>;q=0.5';
    await house.register({ contact });
    await house.clock.advance(1);
    await house.register({ contact: '<sip:c@10.0.0.2:5072>;q=0.5' });
    expect(uris(house)).toEqual(['sip:b@10.0.0.2:5071', 'sip:c@10.0.0.2:5072', 'sip:a@10.0.0.2:5070']);
  });

  it('is the same one where only the case of host and transport differs', async () => {
    const house = await open();
    await house.register({ contact: '<sip:5001@Phone.test;transport=TCP>' });
    await house.register({ contact: '<sip:5001@phone.test;transport=tcp>' });
    await house.register({ contact: '<sip:5001@phone.test:5060;transport=tcp>' });
    expect(house.registrar.size).toBe(2);
  });

  it('ends by expires=0, and all of them by *', async () => {
    const house = await open();
    await house.register({ contact: '<sip:a@10.0.0.2>, <sip:b@10.0.0.2>, <sip:c@10.0.0.2>' });
    expect(contactsOf(await house.register({ contact: '<sip:b@10.0.0.2>;expires=0' }))).toHaveLength(2);
    expect(contactsOf(await house.register({ contact: '*', headers: ['Expires: 0'] }))).toHaveLength(0);
    expect(house.changes.filter((change) => change.startsWith('removed'))).toHaveLength(3);
    expect((await house.register({ contact: '*' })).what).toBe('400');
    expect((await house.register({ contact: '*', headers: ['Expires: 5'] })).what).toBe('400');
  });

  it('that comes out of order changes nothing, not even in part', async () => {
    const house = await open();
    await house.register({ seq: 10 });
    const late = await house.register({ seq: 9, contact: '<sip:new@10.0.0.2>, <sip:5001@10.0.0.2:5070>;expires=0' });
    expect(late.what).toBe('500');
    expect((await house.register({ seq: 8, contact: '*', headers: ['Expires: 0'] })).what).toBe('500');
    expect(uris(house)).toEqual(['sip:5001@10.0.0.2:5070']);
    // A phone that was restarted has another Call-ID, and begins to count anew.
    expect((await house.register({ seq: 1, callId: 'restarted' })).what).toBe('200');
  });

  it('is for oneself, and at a domain of the house', async () => {
    const house = await open({ domains: ['Example.com'] });
    expect((await house.register({ to: '<sip:5002@example.com>' })).what).toBe('403');
    expect((await house.register({ to: '<sip:5001@elsewhere.test>' })).what).toBe('404');
    expect((await house.register({ to: '<tel:5001>' })).what).toBe('400');
    expect((await house.register({ to: '<sip:5001@EXAMPLE.com>' })).what).toBe('200');
  });

  it('waits for whoever has to look the user up, and is refused as that says', async () => {
    const house = await open({}, async () => ({
      ok: false,
      status: 401,
      headers: [['WWW-Authenticate', 'Digest x']],
      why: 'missing',
      username: undefined,
    }));
    const refused = await house.register();
    expect([refused.what, refused.get('WWW-Authenticate')]).toEqual(['401', 'Digest x']);
    const broken = await open({}, () => Promise.reject(new Error('database is gone')));
    expect((await broken.register()).what).toBe('500');
    expect(broken.registrar.size).toBe(0);
  });
});

describe('how many Contacts a user may have', () => {
  it('one more takes the place of the one refreshed longest ago', async () => {
    const house = await open({ maxContacts: 2 });
    for (const name of ['a', 'b']) {
      await house.register({ contact: `<sip:${name}@10.0.0.2>` });
      await house.clock.advance(1000);
    }
    await house.register({ contact: '<sip:a@10.0.0.2>' });
    await house.clock.advance(1000);
    await house.register({ contact: '<sip:c@10.0.0.2>' });
    expect(uris(house)).toEqual(['sip:c@10.0.0.2', 'sip:a@10.0.0.2']);
    expect((await house.register({ contact: '<sip:x@h>, <sip:y@h>, <sip:z@h>' })).what).toBe('403');
  });

  it('or is refused', async () => {
    const house = await open({ maxContacts: 1, whenFull: 'refuse' });
    await house.register();
    expect((await house.register({ contact: '<sip:other@10.0.0.2>' })).what).toBe('403');
    expect((await house.register()).what).toBe('200');
  });
});

describe('the way back to a phone', () => {
  it('is the one it came by, behind a NAT', async () => {
    const house = await open();
    await house.register({
      via: 'SIP/2.0/UDP 192.168.1.5:5060;rport;branch=z9hG4bKn1',
      contact: '<sip:5001@192.168.1.5:5060>',
    });
    expect(house.registrar.lookup('5001')[0]).toMatchObject({
      through: { address: '10.0.0.2', port: 5070 },
      pinned: true,
      source: 'udp:10.0.0.2:5070',
    });
  });

  it('is its Contact when another registers it', async () => {
    const house = await open();
    await house.register({ contact: '<sip:5001@10.0.0.9:5060>' });
    expect(house.registrar.lookup('5001')[0]).toMatchObject({ through: undefined, pinned: false });
  });

  it('leads through the proxies of Path, which are told again to those who know it', async () => {
    const house = await open();
    const headers = ['Path: <sip:edge.test;lr>, <sip:inner.test;lr>', 'Supported: path'];
    const via = 'SIP/2.0/UDP 10.0.0.2:5070;branch=z9hG4bKp, SIP/2.0/UDP 192.168.1.5;branch=z9hG4bKq';
    const answer = await house.register({ headers, via });
    expect(answer.all('Path')).toEqual(['<sip:edge.test;lr>', '<sip:inner.test;lr>']);
    expect(house.registrar.lookup('5001')[0]).toMatchObject({
      route: ['sip:edge.test;lr', 'sip:inner.test;lr'],
      through: undefined,
    });
    expect((await house.register({ headers: ['Path: nonsense'] })).what).toBe('400');
  });
});

describe('outbound (RFC 5626)', () => {
  const contact = (port: number, regId: number): string =>
    `<sip:5001@10.0.0.2:${port};ob>;reg-id=${regId};+sip.instance="<urn:uuid:1>"`;
  const headers = ['Supported: outbound, path'];

  it('a new flow of an instance takes the place of the old one, and the newest flow is called', async () => {
    const house = await open();
    const answer = await house.register({ contact: contact(1000, 1), headers });
    expect(answer.get('Require')).toBe('outbound');
    await house.register({ contact: contact(2000, 1), headers, callId: 'after-restart' });
    expect(house.registrar.size).toBe(1);
    await house.clock.advance(1);
    await house.register({ contact: contact(3000, 2), headers });
    expect(house.registrar.size).toBe(2);
    expect(uris(house)).toEqual(['sip:5001@10.0.0.2:3000;ob']);
  });

  it('is refused behind a proxy that knows nothing of it', async () => {
    const house = await open();
    const via = 'SIP/2.0/UDP 10.0.0.2:5070;branch=z9hG4bKp, SIP/2.0/UDP 192.168.1.5;branch=z9hG4bKq';
    expect((await house.register({ contact: contact(1000, 1), headers, via })).what).toBe('439');
  });
});

describe('GRUU (RFC 5627)', () => {
  const headers = ['Supported: gruu'];
  const contact = (id: string): string => `<sip:${id}@10.0.0.2:5070>;+sip.instance="<urn:uuid:${id}>"`;
  const temporary = ({ text }: Received): string => /temp-gruu="([^"]+)"/.exec(text)?.[1] ?? '';

  it('names one phone of a user: openly, or without saying whose it is', async () => {
    const house = await open();
    await house.register({ contact: contact('desk'), headers });
    const answer = await house.register({ contact: contact('mobile'), headers });
    expect(answer.text).toContain('pub-gruu="sip:5001@10.0.0.1;gr=urn:uuid:mobile"');
    expect(uris(house)).toHaveLength(2);
    expect(uris(house, 'sip:5001@10.0.0.1;gr=urn:uuid:desk')).toEqual(['sip:desk@10.0.0.2:5070']);
    const mobile = contactsOf(answer).find((one) => one.includes('mobile')) ?? '';
    expect(uris(house, /temp-gruu="([^"]+)"/.exec(mobile)?.[1])).toEqual(['sip:mobile@10.0.0.2:5070']);
    expect(uris(house, 'sip:tgruu.guess@10.0.0.1;gr')).toEqual([]);
  });

  it('temporary ones hold while the registration goes on, and end with it', async () => {
    const house = await open();
    const first = temporary(await house.register({ contact: contact('desk'), headers }));
    const second = temporary(await house.register({ contact: contact('desk'), headers }));
    expect(second).not.toBe(first);
    expect([uris(house, first).length, uris(house, second).length]).toEqual([1, 1]);
    const restarted = temporary(await house.register({ contact: contact('desk'), headers, callId: 'restarted' }));
    expect([uris(house, first).length, uris(house, second).length, uris(house, restarted).length]).toEqual([0, 0, 1]);
    await house.register({ contact: `${contact('desk')};expires=0`, headers, callId: 'restarted' });
    expect(uris(house, restarted)).toEqual([]);
  });

  it('are bounded per phone', async () => {
    const house = await open();
    const first = temporary(await house.register({ contact: contact('desk'), headers }));
    for (let i = 0; i < 20; i++) await house.register({ contact: contact('desk'), headers });
    expect(uris(house, first)).toEqual([]);
  });
});

describe('whatever a REGISTER says', () => {
  it('has an answer, and no user ever has more than allowed', async () => {
    const params = fc.constantFrom(
      '',
      ';expires=0',
      ';expires=-1',
      ';q=1.5',
      ';q=.',
      ';reg-id=x',
      ';+sip.instance=<',
      ';reg-id=1;+sip.instance="<u>"',
    );
    const contacts = fc.array(
      fc.tuple(fc.constantFrom('a', 'b', 'c', 'd'), params).map(([name, rest]) => `<sip:${name}@h.test>${rest}`),
      { minLength: 1, maxLength: 5 },
    );
    const extra = fc.constantFrom('Supported: outbound, gruu', 'Expires: 4294967296', 'Path: <sip:p;lr>', 'X: y');
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(contacts, extra), { maxLength: 8 }), async (registers) => {
        const house = await open({ maxContacts: 3 });
        for (const [list, header] of registers) {
          await house.register({ contact: list.join(', '), headers: [header] });
          expect(house.registrar.size).toBeLessThanOrEqual(3);
        }
        expect(house.heard()).toHaveLength(registers.length);
        expect(house.endpoint.stats.counters.internalErrors).toBe(0);
        await house.clock.advance(3_700_000);
        expect([house.registrar.size, house.clock.pending]).toEqual([0, 0]);
      }),
      { numRuns: 60 },
    );
  });
});
